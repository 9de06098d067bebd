/** What somebody sees who starts `deeper dev` and opens the address that it prints. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { Api } from "./support/api.ts";
import { Chat, expect, PASSWORD, test, unique } from "./support/test.ts";

const PATIENCE = 240_000;
// Pages that reload are compiled when they are asked for.
const patiently = expect.configure({ timeout: 60_000 });

async function expectToChat(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await page.getByRole("link", { name: "Create one" }).click();
  await patiently(page.getByRole("heading", { name: "Create an account" })).toBeVisible();
  await page.getByLabel("E-mail").fill(`${unique("first").replaceAll(" ", "-")}@example.com`);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
  const chat = new Chat(page);
  const question = unique("is anybody there");
  await patiently(page.getByRole("button", { name: "Model: scripted" })).toBeVisible();
  await chat.hear(question);
  await expect(chat.last).toContainText(question);
  await page.reload();
  await expect(chat.last).toContainText(question);
}

test("deeper dev builds the pages, and serves them where the API is", async ({ page }) => {
  test.setTimeout(PATIENCE + 60_000);
  const cache = await mkdtemp(join(tmpdir(), "deeper-e2e-cache-"));
  const api = await Api.start({ DEEPER_MODEL_PROVIDER: "scripted", XDG_CACHE_HOME: cache }, [], PATIENCE);
  try {
    expect(api.pages).toBe(api.url);
    await expectToChat(page, api.pages);
    // A page that is reached by its name, one that is not there, and what is kept of the build.
    await page.goto(`${api.pages}/settings/`);
    await expect(page).toHaveURL(`${api.pages}/settings`);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    expect((await page.goto(`${api.pages}/nowhere`))?.status()).toBe(404);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    expect(
      (await readdir(join(cache, "deepersensor/web"))).filter((name) => !name.startsWith("build.")),
    ).toHaveLength(1);
  } finally {
    await api.stop();
    await rm(cache, { recursive: true, force: true });
  }
});

test("deeper dev --web-dev serves pages that reload, at an address of their own", async ({ page }) => {
  test.setTimeout(PATIENCE + 60_000);
  const api = await Api.start({ DEEPER_MODEL_PROVIDER: "scripted" }, ["--web-dev"], PATIENCE);
  try {
    expect(api.pages).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(api.pages).not.toBe(api.url);
    await expectToChat(page, api.pages);
    await page.close();
  } finally {
    await api.stop();
  }
  // It has ended with the server.
  await expect(fetch(api.pages)).rejects.toThrow();
});
