import type { Page } from "@playwright/test";
import { Chat, expect, PASSWORD, signUp, test, unique } from "./support/test.ts";

/** Signs the first account in, and goes to its page. */
async function administer(page: Page): Promise<void> {
  await page.goto("/login?next=/admin");
  await page.getByLabel("E-mail").fill("admin@example.com");
  await page.getByLabel("Password", { exact: true }).fill(process.env.E2E_ADMIN_PASSWORD ?? "");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "Accounts" })).toBeVisible();
}

test("the page is for administrators", async ({ account, page }) => {
  expect(account).toBeTruthy();
  await page.goto("/admin");
  await expect(page.getByText("This page is for administrators.")).toBeVisible();
  await expect(page.getByRole("heading", { name: "Accounts" })).toHaveCount(0);
});

test("administrators see what happened", async ({ page }) => {
  await signUp(page);
  await page.context().clearCookies();
  await page.goto("/login");
  await page.evaluate(() => localStorage.clear());
  await administer(page);
  await page.getByRole("combobox", { name: "Show" }).selectOption("signed_up");
  const events = page.getByRole("region", { name: "What happened" }).getByRole("listitem");
  await expect(events.first()).toContainText("Signed up");
  await events.first().getByText("Signed up").click();
  await expect(page.getByText("Chrome on Linux").first()).toBeVisible();
});

test("they see who answers and what is being answered, and stop it", async ({
  chat,
  account,
  model,
  browser,
  page,
}) => {
  const question = unique("stopped by an administrator");
  await model.play(question, "Going on ", { gate: question }, "and on");
  await chat.ask(question);
  await expect(chat.last).toContainText("Going on");
  const office = await browser.newContext({ baseURL: new URL(page.url()).origin });
  const desk = await office.newPage();
  await administer(desk);
  await expect(desk.getByRole("region", { name: "Model servers" })).toContainText("answers");
  await desk.getByRole("button", { name: `Stop the answer to ${account}` }).click();
  await expect(chat.last).toContainText("Stopped.");
  await expect(desk.getByRole("button", { name: `Stop the answer to ${account}` })).toHaveCount(0);
  await office.close();
});

test("they find an account, bound it, and keep it out", async ({ chat, account, browser, page }) => {
  await chat.hear(unique("before"));
  const office = await browser.newContext({ baseURL: new URL(page.url()).origin });
  const desk = await office.newPage();
  await administer(desk);
  await expect(desk.getByRole("img", { name: /Tokens by day/ })).toBeVisible();
  await desk.getByRole("textbox", { name: "Search accounts" }).fill(account.slice(0, -8));
  const accounts = desk.getByRole("region", { name: "Accounts" }).getByRole("listitem");
  await expect(accounts).toHaveCount(1);
  await accounts.getByRole("button").click();
  const dialog = desk.getByRole("dialog", { name: account });
  await expect(dialog).toContainText("Conversations1");

  await dialog.getByLabel("Tokens a day").selectOption("own");
  await dialog.getByLabel("Number of tokens").fill("5000");
  await dialog.getByRole("button", { name: "Set" }).click();
  await expect(dialog.getByLabel("Number of tokens")).toHaveValue("5000");

  await dialog.getByRole("button", { name: "Disable" }).click();
  await expect(dialog.getByRole("button", { name: "Let in again" })).toBeVisible();
  await page.reload();
  await expect(page).toHaveURL(/\/login/);
  await page.getByLabel("E-mail").fill(account);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.locator("main").getByRole("alert")).toBeVisible();

  await dialog.getByRole("button", { name: "Let in again" }).click();
  await expect(dialog.getByRole("button", { name: "Disable" })).toBeVisible();
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(new Chat(page).question).toBeVisible();
  await office.close();
});
