import { preview } from "../scripts/preview.ts";
import { Api } from "./support/api.ts";
import { startModel } from "./support/model.ts";
import { EXPORT, SETTINGS } from "./support/setup.ts";
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

test("a server that is killed in mid-answer and comes back has kept what was said", async ({ browser }) => {
  test.setTimeout(120_000);
  const upstream = await startModel();
  const api = await Api.start({ ...SETTINGS, DEEPER_OLLAMA_URL: upstream.url });
  const site = await preview(EXPORT, api.url, 0);
  const context = await browser.newContext({ baseURL: site.url });
  try {
    const model = new Model(upstream.url);
    const chat = new Chat(await context.newPage());
    await signUp(chat.page);
    await chat.page.goto("/chat");
    const question = unique("killed");
    await model.play(question, "Said before the crash. ", { gate: question }, "Never said.");
    await chat.ask(question);
    await expect(chat.last).toContainText("Said before the crash.");
    // Longer than the server takes to write it down.
    await new Promise((done) => setTimeout(done, 500));
    api.kill();
    await expect(chat.page.getByText("Connection lost.")).toBeVisible();
    await api.start();
    await expect(chat.last).toContainText("The server stopped in the middle of this answer.", {
      timeout: 60_000,
    });
    await expect(chat.last).toContainText("Said before the crash.");
    await chat.settled();
    await model.play(question, "Said after all.");
    await chat.page.getByRole("button", { name: "Answer again" }).click();
    await expect(chat.last).toContainText("Said after all.");
  } finally {
    await context.close();
    site.close();
    await api.stop();
    upstream.close();
  }
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
