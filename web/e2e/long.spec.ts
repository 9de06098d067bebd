import type { CDPSession, Page } from "@playwright/test";
import { expect, PASSWORD, test } from "./support/test.ts";

const MESSAGES = 5_000;

/** A conversation as it is exported, of so many questions and answers. */
function document(count: number): object {
  const time = "2026-11-01T12:00:00Z";
  const id = (index: number) => `00000000-0000-7000-8000-${String(index).padStart(12, "0")}`;
  const messages = Array.from({ length: count }, (_, index) => ({
    id: id(index + 1),
    parent_id: index === 0 ? null : id(index),
    role: index % 2 === 0 ? "user" : "assistant",
    content:
      index % 2 === 0
        ? `Question ${index}?`
        : `Answer **${index}**:\n\n- one\n- two\n\n\`\`\`python\nprint(${index})\n\`\`\``,
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

async function imported(page: Page, email: string): Promise<string> {
  const { request } = page.context();
  const signedIn = await request.post("/v1/auth/login", { data: { email, password: PASSWORD } });
  const { access_token } = (await signedIn.json()) as { access_token: string };
  const response = await request.post("/v1/conversations/import", {
    data: document(MESSAGES),
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
  test.setTimeout(120_000);
  await page.goto(`/chat?id=${await imported(page, account)}`);
  const log = page.getByRole("log");
  await expect(chat.last).toContainText("Answer 4999");
  // All of it, page by page, as somebody reads upwards.
  const articles = log.getByRole("article");
  await expect
    .poll(
      async () => {
        await log.evaluate((element) => element.parentElement?.scrollTo(0, 0));
        return articles.count();
      },
      { timeout: 90_000, intervals: [50] },
    )
    .toBe(MESSAGES);

  const devtools = await context.newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const steps = 20;
  let before = await computed(devtools);
  for (let step = 0; step < steps; step += 1) {
    await chat.question.press("x");
  }
  console.log("typing", ((await computed(devtools)) - before) / steps);
  expect(((await computed(devtools)) - before) / steps).toBeLessThan(50);

  before = await computed(devtools);
  await log.hover();
  for (let step = 0; step < steps; step += 1) {
    await page.mouse.wheel(0, 3_000);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  console.log("scroll", ((await computed(devtools)) - before) / steps);
  expect(((await computed(devtools)) - before) / steps).toBeLessThan(100);
});
