import { preview } from "../scripts/preview.ts";
import { Api } from "./support/api.ts";
import { startModel } from "./support/model.ts";
import { EXPORT, SETTINGS, STACK } from "./support/setup.ts";
import { Chat, expect, Model, signUp, test, unique } from "./support/test.ts";

test("an answer goes on where it was when the network comes back", async ({ chat, model, context, page }) => {
  const question = unique("offline");
  await model.play(question, "Before, ", { gate: question }, "after.");
  await chat.ask(question);
  await expect(chat.last).toContainText("Before,");
  await context.setOffline(true);
  await expect(page.getByText("You are offline.")).toBeVisible();
  await model.open(question);
  await expect(chat.last).toContainText("Before,");
  await context.setOffline(false);
  await expect(page.getByText("You are offline.")).toHaveCount(0);
  await expect(chat.last).toContainText("Before, after.");
  await chat.settled();
});

test("a question that is asked offline is sent when the network comes back, once", async ({
  chat,
  model,
  context,
}) => {
  const question = unique("asked offline");
  await context.setOffline(true);
  await chat.ask(question);
  await expect(chat.page.getByText("Connection lost.")).toBeVisible();
  await context.setOffline(false);
  await expect(chat.last).toContainText(`You said: ${question}.`);
  expect(await model.asked(question)).toHaveLength(1);
});

test("a question whose response was lost is answered, and asked once", async ({ chat, model, page }) => {
  const question = unique("lost");
  await page.route(
    "**/v1/chat",
    async (route) => {
      await route.fetch();
      await route.abort("connectionreset");
    },
    { times: 1 },
  );
  await chat.ask(question);
  await expect(chat.last).toContainText(`You said: ${question}.`);
  await chat.settled();
  await expect(chat.questions).toHaveCount(1);
  expect(await model.asked(question)).toHaveLength(1);
});

test.describe("with a server of one's own", () => {
  test.skip(STACK, "It ends its server.");
  let upstream: Awaited<ReturnType<typeof startModel>>;
  let site: Awaited<ReturnType<typeof preview>>;
  let api: Api;

  test.beforeAll(async () => {
    upstream = await startModel();
    api = await Api.start({ ...SETTINGS, DEEPER_MODEL_PARALLEL: "1", DEEPER_OLLAMA_URL: upstream.url });
    site = await preview(EXPORT, api.url, 0);
  });

  test.afterAll(async () => {
    site.close();
    await api.stop();
    upstream.close();
  });

  test("who has to wait is told the place in the line; a server that is killed has kept what was said", async ({
    browser,
  }) => {
    const model = new Model(upstream.url);
    const context = await browser.newContext({ baseURL: site.url });
    const chat = new Chat(await context.newPage());
    await signUp(chat.page);
    await chat.page.goto("/chat");
    const question = unique("killed");
    await model.play(question, "Said before the crash. ", { gate: question }, "Never said.");
    await chat.ask(question);
    await expect(chat.last).toContainText("Said before the crash.");

    const waiting = new Chat(await context.newPage());
    await waiting.page.goto("/chat");
    await waiting.ask(unique("in line"));
    await expect(waiting.last).toContainText("Next in line");
    await waiting.question.press("Escape");
    await expect(waiting.last).toContainText("Stopped.");

    api.kill();
    await expect(chat.page.getByText("Connection lost.")).toBeVisible();
    await api.start();
    const interrupted = chat.last.getByText("The server stopped in the middle of this answer.");
    await expect(interrupted).toBeVisible({ timeout: 60_000 });
    await expect(chat.last).toContainText("Said before the crash.");
    await chat.settled();
    await model.play(question, "Said after all.");
    await chat.page.getByRole("button", { name: "Answer again" }).click();
    await expect(chat.last).toContainText("Said after all.");
    await context.close();
  });
});

test("whoever is signed in waits for a server that is away, and is not signed out", async ({
  chat,
  page,
}) => {
  await chat.hear(unique("away"));
  await page.route("**/v1/**", (route) => route.fulfill({ status: 502, body: "<html>Bad gateway</html>" }));
  await page.reload();
  await expect(page.getByRole("heading", { name: "No connection" })).toBeVisible({ timeout: 20_000 });
  await page.unroute("**/v1/**");
  await page.getByRole("button", { name: "Try now" }).click();
  await chat.settled();
});

test("a question that does not reach the server is there when the page is loaded again", async ({
  chat,
  page,
}) => {
  const question = unique("precious");
  await page.route("**/v1/chat", (route) => route.abort("connectionreset"));
  await chat.ask(question);
  await expect(page.getByText("Connection lost.")).toBeVisible();
  await chat.question.fill("And this.");
  await page.reload();
  await expect(chat.question).toHaveValue(`${question}\n\nAnd this.`);
  await page.unroute("**/v1/chat");
  await page.getByRole("button", { name: "Send" }).click();
  await chat.settled();
  await expect(chat.question).toHaveValue("");
  await page.reload();
  await chat.settled();
  await expect(chat.question).toHaveValue("");
});

test("a question that does not reach the server can be stopped and taken back; nothing typed is lost", async ({
  chat,
  page,
}) => {
  await page.route("**/v1/chat", (route) => route.abort("connectionreset"));
  await chat.ask("The first.");
  await expect(page.getByText("Connection lost.")).toBeVisible();
  await chat.question.fill("The second.");
  await page.getByRole("button", { name: "Stop" }).click();
  await expect(page.getByText("The server cannot be reached.")).toBeVisible();
  // What was asked first is neither forgotten nor passed by.
  await expect(page.getByRole("button", { name: "Send" })).toBeDisabled();
  await page.getByRole("button", { name: "Take back" }).click();
  await expect(chat.question).toHaveValue("The first.\n\nThe second.");
});

test("what is typed while a conversation begins belongs to it, and not to the next one", async ({
  chat,
  model,
  page,
}) => {
  const question = unique("beginning");
  await model.play(question, { gate: question }, "Begun.");
  const gate = Promise.withResolvers<void>();
  await page.route("**/v1/chat", async (route) => {
    await gate.promise;
    await route.continue();
  });
  await chat.ask(question);
  await chat.question.fill("The next one.");
  gate.resolve();
  await expect(page).toHaveURL(/\?id=/);
  await model.open(question);
  await chat.settled();
  await expect(chat.question).toHaveValue("The next one.");
  await page.getByRole("button", { name: "New conversation" }).click();
  await expect(page.getByRole("heading", { name: "What would you like to know?" })).toBeVisible();
  await expect(chat.question).toHaveValue("");
});

test("who begins another conversation gets there at once, whatever the network does", async ({
  chat,
  page,
  context,
}) => {
  const question = unique("left");
  await chat.hear(question);
  await context.setOffline(true);
  await page.keyboard.press("Control+Shift+O");
  await expect(page.getByRole("heading", { name: "What would you like to know?" })).toBeVisible();
  await chat.question.pressSequentially("Typed at once");
  await page.getByRole("navigation").getByRole("link", { name: question }).click();
  await expect(chat.questions).toContainText(question);
  await expect(chat.question).toHaveValue("");
  await page.goBack();
  await expect(chat.question).toHaveValue("Typed at once");
  await context.setOffline(false);
});

test("models and conversations that could not be had come when the server is back", async ({
  chat,
  page,
}) => {
  const question = unique("back");
  await chat.hear(question);
  const busy = JSON.stringify({ error: { code: "database_unavailable", message: "busy" } });
  for (const path of ["**/v1/models", "**/v1/conversations?*"]) {
    await page.route(path, (route) =>
      route.fulfill({ status: 503, contentType: "application/json", body: busy }),
    );
  }
  await page.goto("/chat");
  await expect(page.getByText("Your conversations are here all the same.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Try again" })).toBeVisible();
  await page.unrouteAll();
  await expect(page.getByRole("button", { name: "Model: plain:1b" })).toBeVisible();
  await expect(page.getByRole("link", { name: question })).toBeVisible();
});
