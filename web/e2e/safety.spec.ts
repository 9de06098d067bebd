import { ATTACKS } from "../src/features/markdown/attacks.ts";
import { expect, test, unique } from "./support/test.ts";

test("nothing that a model writes runs, loads anything or leads astray", async ({
  chat,
  model,
  page,
  context,
}) => {
  const asked: string[] = [];
  context.on("request", (request) => asked.push(request.url()));
  const origin = new URL(page.url()).origin;
  const question = unique("attack");
  await model.play(
    question,
    ...ATTACKS.flatMap((attack) => [...(attack.match(/[\s\S]{1,9}/gu) ?? []), "\n\n"]),
  );
  await chat.hear(question);
  await expect(chat.last).toContainText("constructor.constructor");
  // As the server keeps it, too.
  await page.reload();
  await chat.settled();
  for (const link of await chat.last.getByRole("link").all()) {
    expect(await link.getAttribute("href")).toMatch(/^(https?|mailto):/);
    expect(await link.getAttribute("rel")).toContain("noopener");
  }
  expect(await page.evaluate(() => "hurt" in window)).toBe(false);
  const made = await chat.last.evaluate((article) =>
    Array.from(
      article.querySelectorAll("script, style, iframe, object, embed, img, form, base, meta, link, math"),
      (each) => each.outerHTML,
    ),
  );
  expect(made).toEqual([]);
  expect(asked.filter((url) => !url.startsWith(origin) && !url.startsWith("data:"))).toEqual([]);
});

test("a title or a name that is markup stays text", async ({ chat, page }) => {
  const question = `<img src=x onerror=window.hurt=1> ${unique("x")}`;
  await chat.hear(question);
  await expect(page.getByRole("navigation").getByRole("link", { name: question.slice(0, 20) })).toBeVisible();
  expect(await page.evaluate(() => "hurt" in window)).toBe(false);
});

test("pages say what they may do, and no script that is not theirs runs", async ({ page }) => {
  const response = await page.goto("/login");
  const headers = response?.headers() ?? {};
  const policy = headers["content-security-policy"] ?? "";
  expect(policy).not.toMatch(/unsafe-inline|unsafe-eval|\*|http:/);
  for (const part of [
    "default-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "form-action 'self'",
  ]) {
    expect(policy).toContain(part);
  }
  expect(headers["x-content-type-options"]).toBe("nosniff");
  expect(headers["referrer-policy"]).toBe("no-referrer");
  const ran = await page.evaluate(async () => {
    const violated = new Promise((done) => {
      document.addEventListener("securitypolicyviolation", done, { once: true });
    });
    document.body.insertAdjacentHTML("beforeend", '<img src="data:," onerror="window.hurt = 1">');
    await violated;
    return "hurt" in window;
  });
  expect(ran).toBe(false);
});
