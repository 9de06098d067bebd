import { readFile } from "node:fs/promises";
import { expect, PASSWORD, test, unique } from "./support/test.ts";

test("a theme that was chosen stays, and nothing flashes", async ({ account, page }) => {
  expect(account).toBeTruthy();
  await page.goto("/settings");
  await page.getByText("Dark", { exact: true }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.goto("/login", { waitUntil: "commit" });
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  expect(await background()).toBe("rgb(15, 21, 24)");
});

test("another password is set, and this device stays signed in", async ({ account, page }) => {
  await page.goto("/settings");
  const changed = "another good password 43";
  await page.getByLabel("Present password", { exact: true }).fill("not the one");
  await page.getByLabel("New password", { exact: true }).fill(changed);
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.locator("main").getByRole("alert")).toContainText("not the present password");
  await page.getByLabel("Present password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByText("Your password was changed.")).toBeVisible();
  await page.reload();
  await expect(page.getByText(`Signed in as ${account}.`)).toBeVisible();
});

test("another device is seen, and signed out", async ({ account, page, browser }) => {
  await page.goto("/settings");
  const origin = new URL(page.url()).origin;
  const phone = await browser.newContext({ baseURL: origin, userAgent: "Mozilla/5.0 (iPhone) Safari/605.1" });
  await phone.request.post("/v1/auth/login", { data: { email: account, password: PASSWORD } });
  await phone.close();
  await page.reload();
  await expect(page.getByText("this device")).toHaveCount(1);
  await page.getByRole("button", { name: "Sign out Safari on iPhone" }).click();
  await expect(page.getByText("Safari on iPhone")).toHaveCount(0);
});

test("a key is made, shown once, good for the API, and revoked", async ({ account, page, request }) => {
  expect(account).toBeTruthy();
  await page.goto("/settings");
  const section = page.getByRole("region", { name: "API keys" });
  await section.getByLabel("Name").fill("my script");
  await section.getByRole("button", { name: "Make a key" }).click();
  const dialog = page.getByRole("dialog");
  const key = (await dialog.locator("code").textContent()) ?? "";
  expect(key).toMatch(/^dsk_/);
  const headers = { authorization: `Bearer ${key}` };
  expect((await request.get("/v1/models", { headers })).status()).toBe(200);
  await dialog.getByRole("button", { name: "Close" }).click();
  await expect(page.getByText(key)).toHaveCount(0);
  page.once("dialog", (asked) => void asked.dismiss());
  await section.getByRole("button", { name: "Revoke my script" }).click();
  expect((await request.get("/v1/models", { headers })).status()).toBe(200);
  page.once("dialog", (asked) => void asked.accept());
  await section.getByRole("button", { name: "Revoke my script" }).click();
  await expect(section.getByText("my script")).toHaveCount(0);
  await expect.poll(async () => (await request.get("/v1/models", { headers })).status()).toBe(401);
});

test("what was used is drawn, and all conversations are saved as one file", async ({ chat, page }) => {
  const question = unique("used");
  await chat.hear(question);
  await page.goto("/settings");
  await expect(page.getByRole("img", { name: /Tokens by day/ })).toBeVisible();
  await page.getByText("As a table").click();
  await expect(page.getByRole("row").nth(1)).toContainText("1");
  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save all conversations" }).click();
  const documents = JSON.parse(await readFile(await (await saved).path(), "utf8"));
  expect(documents).toHaveLength(1);
  expect(JSON.stringify(documents)).toContain(question);

  // And brought in again, beside a document that the server does not take.
  const broken = {
    ...documents[0],
    messages: [{ ...documents[0].messages[0], parent_id: documents[0].messages[0].id }],
  };
  await page.getByLabel("Saved conversations").setInputFiles({
    name: "saved.json",
    mimeType: "application/json",
    buffer: Buffer.from(JSON.stringify([broken, ...documents])),
  });
  await expect(page.getByText("1 conversation was brought in. 1 could not be:")).toBeVisible();
  await page.getByLabel("Saved conversations").setInputFiles({
    name: "other.json",
    mimeType: "application/json",
    buffer: Buffer.from("[1]"),
  });
  await expect(page.getByText("This file has no conversations")).toBeVisible();
  await page.goto("/chat");
  await expect(page.getByRole("link", { name: question })).toHaveCount(2);
});

test("the way back from the settings leads to the conversation that was open", async ({ chat, page }) => {
  await chat.hear(unique("way back"));
  const address = page.url();
  await page.getByTitle("Account").click();
  await page.getByRole("menuitem", { name: "Settings" }).click();
  await page.getByRole("link", { name: "Back to the chat" }).click();
  await expect(page).toHaveURL(address);
  await chat.settled();
});

test("an account is deleted only with its password, and then it is gone", async ({
  account,
  page,
  request,
}) => {
  await page.goto("/settings");
  await page.getByRole("button", { name: "Delete account" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Password", { exact: true }).fill("wrong");
  await dialog.getByRole("button", { name: "Delete for ever" }).click();
  await expect(dialog.getByRole("alert")).toBeVisible();
  await dialog.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await dialog.getByRole("button", { name: "Delete for ever" }).click();
  await expect(page).toHaveURL(/\/login/);
  const again = await request.post("/v1/auth/login", { data: { email: account, password: PASSWORD } });
  expect(again.status()).toBe(401);
});
