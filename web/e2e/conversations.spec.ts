import { readFile } from "node:fs/promises";
import { expect, test, unique } from "./support/test.ts";

test("a conversation is renamed, archived and brought back", async ({ chat, page }) => {
  await chat.hear(unique("title"));
  const list = page.getByRole("navigation", { name: "Conversations" });
  await list.getByRole("button", { name: /^More for/ }).click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await page.getByRole("textbox", { name: "Title" }).fill("A better name");
  await page.keyboard.press("Enter");
  await expect(list.getByRole("link", { name: "A better name" })).toBeVisible();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("A better name");
  await list.getByRole("button", { name: /^More for/ }).click();
  await page.getByRole("menuitem", { name: "Archive" }).click();
  await expect(list.getByRole("link", { name: "A better name" })).toHaveCount(0);
  await list.getByRole("button", { name: "Archive", exact: true }).click();
  await list.getByRole("button", { name: /^More for/ }).click();
  await page.getByRole("menuitem", { name: "Bring back" }).click();
  await list.getByRole("button", { name: "Back from the archive" }).click();
  await expect(list.getByRole("link", { name: "A better name" })).toBeVisible();
});

test("a deleted conversation comes back when that is wanted", async ({ chat, page }) => {
  const question = unique("deleted");
  await chat.hear(question);
  const link = page.getByRole("navigation").getByRole("link", { name: question });
  await page.getByRole("button", { name: /^More for/ }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await expect(link).toHaveCount(0);
  await expect(page).toHaveURL(/\/chat$/);
  await page.getByRole("button", { name: "Undo" }).click();
  await link.click();
  await expect(chat.last).toContainText(question);
});

test("by keys, who renames stays at the conversation, and who deletes one can take it back", async ({
  chat,
  page,
}) => {
  const [first, second] = [unique("named"), unique("shown")];
  const list = page.getByRole("navigation");
  await chat.hear(first);
  await page.getByRole("button", { name: "New conversation" }).click();
  await expect(page).toHaveURL(/\/chat$/);
  await chat.hear(second);
  await list.getByRole("button", { name: `More for ${first}` }).press("Enter");
  await page.keyboard.press("Enter");
  await page.keyboard.type("Renamed by keys");
  await page.keyboard.press("Enter");
  const link = list.getByRole("link", { name: "Renamed by keys" });
  await expect(link).toBeFocused();
  await list.getByRole("button", { name: "More for Renamed by keys" }).press("Enter");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await expect(link).toBeFocused();

  await list.getByRole("button", { name: "More for Renamed by keys" }).press("Enter");
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await expect(link).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Undo" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(link).toBeVisible();
});

test("one that nobody wanted back is gone, also when the page is left", async ({ chat, page }) => {
  const question = unique("gone");
  await chat.hear(question);
  const address = page.url();
  await page.getByRole("button", { name: /^More for/ }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await expect(page.getByText("was deleted.")).toBeVisible();
  await page.goto("/settings");
  await page.goto(address);
  await expect(page.getByText("This conversation does not exist")).toBeVisible();
});

test("words are found in all conversations, and lead to their message", async ({ chat, page }) => {
  const word = `zebra${Date.now().toString(36)}`;
  await chat.hear(`Tell me of the ${word}`);
  await page.getByRole("button", { name: "New conversation" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("New conversation");
  await chat.hear(unique("something else"));
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search all conversations" }).fill(word);
  await expect(page.getByRole("option")).toHaveCount(2);
  await expect(page.getByRole("option").first().locator("mark")).toHaveText(word);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/message=/);
  await expect(page.locator("article:focus")).toContainText(word);
});

test("a message that was found far above is brought into sight", async ({ chat, page }) => {
  const word = `yak${Date.now().toString(36)}`;
  await page.evaluate(async (rare) => {
    const headers = { "content-type": "application/json" };
    const { access_token } = await (await fetch("/v1/auth/refresh", { method: "POST" })).json();
    const at = "2026-01-01T00:00:00Z";
    const name = (index: number) => `01a20000-0000-7000-8000-${String(index).padStart(12, "0")}`;
    const messages = Array.from({ length: 160 }, (_, index) => ({
      id: name(index),
      parent_id: index ? name(index - 1) : null,
      role: index % 2 ? "assistant" : "user",
      content: index === 20 ? `Here is the ${rare}` : `Message ${index}\n\n${"More words. ".repeat(30)}`,
      created_at: at,
    }));
    await fetch("/v1/conversations/import", {
      method: "POST",
      headers: { ...headers, authorization: `Bearer ${access_token}` },
      body: JSON.stringify({
        format: "deepersensor.conversation",
        version: 1,
        title: "A long one",
        created_at: at,
        active_at: at,
        messages,
      }),
    });
  }, word);
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search all conversations" }).fill(word);
  await expect(page.getByRole("option")).toHaveCount(1);
  await page.keyboard.press("Enter");
  await expect(page.locator("article:focus")).toContainText(word);
  await expect(page.locator("article:focus")).toBeInViewport();
  expect(chat).toBeDefined();
});

test("a conversation is saved as Markdown", async ({ chat, page }) => {
  const question = unique("save");
  await chat.hear(question);
  await page.getByRole("button", { name: /^More for/ }).click();
  const saved = page.waitForEvent("download");
  await page.getByRole("menuitem", { name: "Save as Markdown" }).click();
  const file = await saved;
  expect(file.suggestedFilename()).toMatch(/\.md$/);
  expect(await readFile(await file.path(), "utf8")).toContain(`You said: ${question}.`);
});

test("what was typed and not sent is there when one comes back", async ({ chat, page }) => {
  await chat.hear(unique("draft"));
  await chat.question.fill("half a thought");
  await page.getByRole("button", { name: "New conversation" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("New conversation");
  await expect(chat.question).toHaveValue("");
  await page.goBack();
  await expect(chat.question).toHaveValue("half a thought");
  await page.reload();
  await expect(chat.question).toHaveValue("half a thought");
});

test("older conversations are loaded as the end of the list comes near", async ({ chat, page }) => {
  await page.evaluate(async () => {
    const headers = { "content-type": "application/json" };
    const { access_token } = await (await fetch("/v1/auth/refresh", { method: "POST" })).json();
    const signed = { ...headers, authorization: `Bearer ${access_token}` };
    for (let index = 0; index < 60; index += 1) {
      await fetch("/v1/conversations", {
        method: "POST",
        headers: signed,
        body: JSON.stringify({ title: `Number ${index}` }),
      });
    }
  });
  await page.reload();
  const list = page.getByRole("navigation", { name: "Conversations" });
  await expect(list.getByRole("link", { name: "Number 59" })).toBeVisible();
  await list.getByRole("link", { name: "Number 20" }).scrollIntoViewIfNeeded();
  await expect(list.getByRole("link", { name: "Number 0", exact: true })).toHaveCount(1);
  expect(chat).toBeDefined();
});

test("a conversation that is not there is said not to be", async ({ chat, page }) => {
  await page.goto("/chat?id=01a20668-3fd3-767d-9f95-5b47690289c7");
  await expect(page.getByText("This conversation does not exist, or no longer.")).toBeVisible();
  expect(chat).toBeDefined();
});
