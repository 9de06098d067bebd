import type { CDPSession, Page } from "@playwright/test";
import { expect, PASSWORD, test } from "./support/test.ts";

const MESSAGES = 5_000;

/** A conversation as it is exported, of so many questions and answers. */
function exported(count: number): object {
  const time = "2026-11-01T12:00:00Z";
  const id = (index: number) => `00000000-0000-7000-8000-${String(index).padStart(12, "0")}`;
  const messages = Array.from({ length: count }, (_, index) => ({
    id: id(index + 1),
    parent_id: index === 0 ? null : id(index),
    role: index % 2 === 0 ? "user" : "assistant",
    content:
      index % 2 === 0
        ? `Question ${index}?`
        : `Answer **${index}**:\n\n${"- one more\n".repeat(index % 11)}\n\`\`\`python\nprint(${index})\n\`\`\``,
    created_at: time,
  }));
  return {
    format: "deepersensor.conversation",
    version: 1,
    title: "Long",
    created_at: time,
    active_at: time,
    messages,
  };
}

async function imported(page: Page, email: string, count: number): Promise<string> {
  const { request } = page.context();
  const signedIn = await request.post("/v1/auth/login", { data: { email, password: PASSWORD } });
  const { access_token } = (await signedIn.json()) as { access_token: string };
  const response = await request.post("/v1/conversations/import", {
    data: exported(count),
    headers: { authorization: `Bearer ${access_token}` },
  });
  expect(response.status()).toBe(201);
  return ((await response.json()) as { id: string }).id;
}

/** How long the page's own thread computed, in milliseconds: what else the machine does is not counted. */
async function computed(devtools: CDPSession): Promise<number> {
  const { metrics } = await devtools.send("Performance.getMetrics");
  return 1000 * (metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN);
}

test("a conversation of 5,000 messages scrolls and is typed in as any other", async ({
  chat,
  account,
  page,
  context,
}) => {
  await page.goto(`/chat?id=${await imported(page, account, MESSAGES)}`);
  const log = page.getByRole("log");
  await expect(chat.last).toContainText("Answer 4999");
  // All of it, page by page, as somebody reads upwards.
  await page.waitForFunction(
    (count) => {
      document.querySelector("[role=log]")?.parentElement?.scrollTo(0, 0);
      return document.getElementsByTagName("article").length === count;
    },
    MESSAGES,
    { timeout: 240_000 },
  );

  const devtools = await context.newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const steps = 20;
  await chat.question.focus();
  let before = await computed(devtools);
  for (let step = 0; step < steps; step += 1) {
    await page.keyboard.press("x");
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  expect(((await computed(devtools)) - before) / steps).toBeLessThan(50);

  await log.hover();
  before = await computed(devtools);
  for (let step = 0; step < steps; step += 1) {
    await page.mouse.wheel(0, 3_000);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  expect(((await computed(devtools)) - before) / steps).toBeLessThan(100);
});

test("what is read upwards moves as far as it is scrolled, and no further", async ({
  account,
  page,
  chat,
}) => {
  await page.goto(`/chat?id=${await imported(page, account, 200)}`);
  await expect(chat.last).toContainText("Answer 199");
  const leaps = await page.getByRole("log").evaluate(async (log) => {
    const box = log.parentElement as HTMLElement;
    const picture = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const found: number[] = [];
    // As far as three pages reach, however long they take to come.
    while (document.getElementsByTagName("article").length < 200 || box.scrollTop > 60) {
      const read = Array.from(log.getElementsByTagName("article")).find(
        (article) => article.getBoundingClientRect().bottom > 200,
      );
      const before = read?.getBoundingClientRect().top ?? 0;
      const step = Math.min(60, box.scrollTop - 1);
      box.scrollTop -= step;
      await picture();
      const leap = (read?.getBoundingClientRect().top ?? 0) - before - step;
      if (Math.abs(leap) > 3) {
        found.push(Math.round(leap));
      }
    }
    return found;
  });
  expect(leaps).toEqual([]);
});

for (const { place, top } of [
  { place: "the very beginning", top: 0 },
  { place: "where it says that more is on its way", top: 20 },
]) {
  test(`what is read at ${place} stays where it is when more comes`, async ({ account, page, chat }) => {
    const older = Promise.withResolvers<void>();
    const id = await imported(page, account, 200);
    await page.route("**/messages?*cursor=*", async (route) => {
      await older.promise;
      await route.continue();
    });
    await page.goto(`/chat?id=${id}`);
    await expect(chat.last).toContainText("Answer 199");
    const log = page.getByRole("log");
    await log.evaluate((each, to) => each.parentElement?.scrollTo(0, to), top);
    await expect(page.getByText("Loading…")).toBeInViewport();
    const read = page.locator(`#${await page.getByRole("article").first().getAttribute("id")}`);
    const before = await read.evaluate((each) => each.getBoundingClientRect().top);
    const count = await page.getByRole("article").count();
    older.resolve();
    await expect.poll(() => page.getByRole("article").count()).toBeGreaterThan(count);
    expect(Math.abs((await read.evaluate((each) => each.getBoundingClientRect().top)) - before)).toBeLessThan(
      3,
    );
  });
}
