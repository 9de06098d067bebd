import { preview } from "../scripts/preview.ts";
import { Api } from "./support/api.ts";
import { startLlama } from "./support/llama.ts";
import { EXPORT, SETTINGS } from "./support/setup.ts";
import { Chat, expect, signUp, test, unique } from "./support/test.ts";

test("a real model's answer is seen in two tabs, goes on after a reload, and is stopped", async ({
  browser,
}) => {
  const llama = await startLlama();
  const api = await Api.start({ ...SETTINGS, DEEPER_MODEL_PROVIDER: "openai", DEEPER_OPENAI_URL: llama.url });
  const site = await preview(EXPORT, api.url, 0);
  const context = await browser.newContext({ baseURL: site.url });
  try {
    const chat = new Chat(await context.newPage());
    await signUp(chat.page);
    await chat.page.goto("/chat");
    await expect(chat.page.getByRole("button", { name: "Model: tiny" })).toBeVisible();
    await chat.ask(unique("tell me everything"));
    await expect(chat.last.locator(".prose")).not.toBeEmpty();
    const second = new Chat(await context.newPage());
    await second.page.goto(chat.page.url());
    await expect(second.last.locator(".prose")).not.toBeEmpty();
    await chat.page.reload();
    await expect(chat.last).toHaveAttribute("aria-busy", "true");
    await chat.page.getByRole("button", { name: "Stop", exact: true }).click();
    await chat.settled();
    await second.settled();
    await expect(chat.last).toContainText("Stopped.");
    await expect(second.last).toContainText("Stopped.");
    expect(await second.last.locator(".prose").textContent()).toBe(
      await chat.last.locator(".prose").textContent(),
    );
  } finally {
    await context.close();
    site.close();
    await api.stop();
    llama.close();
  }
});
