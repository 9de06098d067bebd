/** One way through the pages: `node journey.ts https://localhost the-answer`. Fails if the browser complains of a policy. */
import { createRequire } from "node:module";

const { chromium, expect } = createRequire(new URL("../../web/package.json", import.meta.url))("@playwright/test");
const [url, answer] = process.argv.slice(2);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
try {
  const page = await browser.newPage({ baseURL: url, ignoreHTTPSErrors: true });
  const complaints: string[] = [];
  page.on("console", (message: { type: () => string; text: () => string }) => {
    if (message.type() === "error") {
      complaints.push(message.text());
    }
  });
  page.on("pageerror", (error: Error) => complaints.push(error.message));

  await page.goto("/signup");
  await page.getByLabel("E-mail").fill(`somebody-${process.pid}-${Date.now()}@example.com`);
  await page.getByLabel("Password", { exact: true }).fill("correct horse battery 42");
  await page.getByRole("button", { name: "Create account" }).click();
  const question = page.getByRole("textbox", { name: "Your question" });
  await question.fill("What is this?");
  await question.press("Enter");
  await expect(page.getByRole("main")).toContainText(answer, { timeout: 20_000 });
  // Whoever comes back is signed in by a cookie, and finds it again.
  await page.reload();
  await expect(page.getByRole("main")).toContainText(answer, { timeout: 20_000 });
  // The first question that a page asks is whether somebody is signed in.
  expect(complaints.filter((text) => !text.includes("status of 401"))).toEqual([]);
} finally {
  await browser.close();
}
