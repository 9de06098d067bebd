import { expect, test, unique } from "./support/test.ts";

test("an answer is shown while it is written, and kept with what it took", async ({ chat, model, page }) => {
  const question = unique("stream");
  await model.play(question, "Once upon ", { gate: question }, "a time.");
  await chat.ask(question);
  await expect(chat.last).toContainText("Once upon");
  await expect(chat.last).not.toContainText("a time");
  await expect(page).toHaveURL(/\/chat\?id=[0-9a-f-]{36}$/);
  await model.open(question);
  await expect(chat.last).toContainText("Once upon a time.");
  await chat.settled();
  await expect(chat.last).toContainText(/\d+ tokens/);
  await expect(chat.question).toBeFocused();
  await expect(page.getByTestId("announcer")).toHaveText("Answer: Once upon a time.");
  await expect(page.getByRole("navigation").getByRole("link", { name: question })).toBeVisible();
});

test("a page that is loaded again in mid-answer goes on with it", async ({ chat, model, page }) => {
  const question = unique("reload");
  await model.play(question, "First half, ", { gate: question }, "second half.");
  await chat.ask(question);
  await expect(chat.last).toContainText("First half,");
  await page.reload();
  await expect(chat.last).toContainText("First half,");
  await expect(chat.last).toHaveAttribute("aria-busy", "true");
  await model.open(question);
  await expect(chat.last).toContainText("First half, second half.");
  await chat.settled();
  expect(await model.asked(question)).toHaveLength(1);
});

test("a second tab shows the same answer while it is written", async ({
  chat,
  model,
  page,
  context,
  tab,
}) => {
  await chat.hear(unique("before"));
  const second = await tab(context, page.url());
  await second.settled();
  const question = unique("two tabs");
  await model.play(question, "Seen by ", { gate: question }, "both.");
  await chat.ask(question);
  await expect(second.last).toContainText("Seen by");
  await expect(second.questions.last()).toContainText(question);
  await model.open(question);
  await expect(second.last).toContainText("Seen by both.");
  await expect(chat.last).toContainText("Seen by both.");
  await second.settled();
});

test("an answer that is stopped keeps what it had", async ({ chat, model, page }) => {
  const question = unique("stop");
  await model.play(question, "Only this", { gate: question }, " and never that");
  await chat.ask(question);
  await expect(chat.last).toContainText("Only this");
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await chat.settled();
  await expect(chat.last).toContainText("Stopped.");
  await expect(chat.last).toContainText("Only this");
  await expect(page.getByRole("button", { name: "Send" })).toBeVisible();
  await page.reload();
  await expect(chat.last).toContainText("Only this");
  await expect(chat.last).toContainText("Stopped.");
});

test("Escape stops, too, also before anything was said", async ({ chat, model }) => {
  const question = unique("escape");
  await model.play(question, { gate: question }, "Too late");
  await chat.ask(question);
  await expect(chat.last).toHaveAttribute("aria-busy", "true");
  await chat.question.press("Escape");
  await expect(chat.last).toContainText("Stopped.");
});

test("a question is answered again, and both answers are kept", async ({ chat, model, page }) => {
  const question = unique("again");
  await model.play(question, "The first answer");
  await chat.hear(question);
  await model.play(question, "The second answer");
  await page.getByRole("button", { name: "Answer again" }).click();
  await expect(chat.last).toContainText("The second answer");
  await chat.settled();
  await expect(chat.last).toContainText("2 / 2");
  await page.getByRole("button", { name: "Previous answer" }).click();
  await expect(chat.last).toContainText("The first answer");
  await expect(chat.answers).toHaveCount(1);
});

test("a question that is edited begins a branch, and the old one stays", async ({ chat, model, page }) => {
  const [question, other] = [unique("edit"), unique("edited")];
  await model.play(question, "About the old one");
  await model.play(other, "About the new one");
  await chat.hear(question);
  await chat.hear(unique("further"));
  await page.getByRole("button", { name: "Edit question" }).first().click();
  await page.getByRole("textbox", { name: "Question", exact: true }).fill(other);
  await page.getByRole("button", { name: "Ask this" }).click();
  await expect(chat.last).toContainText("About the new one");
  await chat.settled();
  await expect(chat.questions).toHaveCount(1);
  await page.getByRole("button", { name: "Previous question" }).click();
  await expect(chat.questions).toHaveCount(2);
  await expect(chat.answers.first()).toContainText("About the old one");
});

test("thoughts and tool calls are there for whoever opens them", async ({ chat, model, page }) => {
  const question = unique("think");
  await model.play(
    question,
    { think: "Let me see." },
    { call: "weather", with: { city: "Oslo" } },
    "It rains.",
  );
  await page.getByRole("button", { name: /^Model:/ }).click();
  await page.getByRole("menuitemradio", { name: /seer/ }).click();
  await page.getByRole("button", { name: "Think first" }).click();
  await chat.hear(question);
  await expect(chat.last.getByText("Let me see.")).toBeHidden();
  await chat.last.getByText("Thoughts").click();
  await expect(chat.last.getByText("Let me see.")).toBeVisible();
  await chat.last.getByText("weather").click();
  await expect(chat.last.getByText('"city": "Oslo"')).toBeVisible();
  expect(await model.asked(question)).toEqual([{ model: "seer:8b", think: true, images: 0 }]);
});

test("a model that fails is told of in words, and asked again", async ({ chat, model, page }) => {
  const question = unique("fail");
  await model.play(question, "So far ", { fail: "CUDA error in kernel 7" });
  await chat.ask(question);
  await expect(chat.last.getByRole("alert")).toBeVisible();
  await expect(chat.last).toContainText("So far");
  await expect(page.locator("main")).not.toContainText("CUDA");
  await model.play(question, "Now it works");
  await page.getByRole("button", { name: "Answer again" }).click();
  await expect(chat.last).toContainText("Now it works");
});

test("who asks too much at once is told for how long to wait, and then asked for", async ({
  chat,
  model,
  context,
  tab,
}) => {
  const gate = unique("many");
  for (const each of [1, 2, 3]) {
    const other = each === 1 ? chat : await tab(context, "/chat");
    await model.play(`${gate} ${each}`, "Busy", { gate });
    await other.ask(`${gate} ${each}`);
    await expect(other.last).toContainText("Busy");
  }
  const fourth = await tab(context, "/chat");
  await fourth.ask(`${gate} 4`);
  await expect(fourth.page.locator("main").getByRole("alert")).toContainText(/Asking again in \d+ s/);
  await model.open(gate);
  await expect(fourth.last).toContainText(`You said: ${gate} 4.`);
  await expect(fourth.page.locator("main").getByRole("alert")).toHaveCount(0);
});

test("code is coloured, and copied as it was written", async ({ chat, model, page }) => {
  const question = unique("code");
  const code = 'def greet(name):\n    return f"Hello {name}"';
  await model.play(question, "Here:\n\n```python\n", code, "\n```\n");
  await chat.hear(question);
  await expect(chat.last.locator(".hljs-keyword").first()).toHaveText("def");
  await chat.last.getByRole("button", { name: "Copy code" }).click();
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(code);
});

test("images are attached where the model looks at them", async ({ chat, model, page }) => {
  const question = unique("image");
  await expect(page.getByRole("button", { name: "Attach images" })).toHaveCount(0);
  await page.getByRole("button", { name: /^Model:/ }).click();
  await page.getByRole("menuitemradio", { name: /seer/ }).click();
  // A picture of one pixel, pasted.
  await chat.question.evaluate((area) => {
    const png = Uint8Array.from(
      atob(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
      ),
      (character) => character.charCodeAt(0),
    );
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([png], "dot.png", { type: "image/png" }));
    area.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  });
  await expect(page.getByRole("img", { name: "Attached, 1" })).toBeVisible();
  await chat.hear(question);
  expect(await model.asked(question)).toEqual([{ model: "seer:8b", think: false, images: 1 }]);
  const shown = chat.questions.last().getByRole("img");
  await expect(shown).toBeVisible();
  expect(await shown.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(1);
});

test("of what an office program copies the text is pasted, and images go to nobody who cannot see them", async ({
  chat,
  page,
}) => {
  await page.getByRole("button", { name: "Model: plain:1b" }).click();
  await page.getByRole("menuitemradio", { name: /seer:8b/ }).click();
  const paste = (text?: string) =>
    chat.question.evaluate(async (area, words) => {
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = 1;
      const png = await new Promise<Blob | null>((done) => canvas.toBlob(done));
      const clipboardData = new DataTransfer();
      clipboardData.items.add(new File([png as Blob], "dot.png", { type: "image/png" }));
      if (words !== undefined) {
        clipboardData.setData("text/plain", words);
      }
      const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
      return area.dispatchEvent(event);
    }, text);
  // Left to the browser, which puts the text where it belongs.
  expect(await paste("a cell")).toBe(true);
  const images = page.getByRole("list", { name: "Attached images" }).getByRole("listitem");
  expect(await paste()).toBe(false);
  await expect(images).toHaveCount(1);
  await chat.question.fill("What is this?");
  await page.getByRole("button", { name: "Model: seer:8b" }).click();
  await page.getByRole("menuitemradio", { name: /plain:1b/ }).click();
  await expect(page.getByText("This model does not look at images.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Send" })).toBeDisabled();
  await page.getByRole("button", { name: "Remove image 1" }).click();
  await expect(chat.question).toBeFocused();
  await expect(page.getByRole("button", { name: "Send" })).toBeEnabled();
});
