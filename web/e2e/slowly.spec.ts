import { expect, PASSWORD, test } from "./support/test.ts";

test.describe("before any script has run", () => {
  test.use({ javaScriptEnabled: false });

  test("a password that is typed goes nowhere", async ({ page }) => {
    for (const path of ["/login", "/signup"]) {
      await page.goto(path);
      await page.getByLabel("E-mail").fill("early@example.com");
      await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
      await page.getByLabel("Password", { exact: true }).press("Enter");
      await expect(page.getByRole("button", { name: /Sign in|Create account/ })).toBeDisabled();
      expect(new URL(page.url()).search).toBe("");
      await expect(page.locator("form")).toHaveAttribute("method", "post");
    }
  });
});
