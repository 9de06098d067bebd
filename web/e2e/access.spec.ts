import AxeBuilder from "@axe-core/playwright";
import type { Locator, Page } from "@playwright/test";
import { Chat, expect, test, unique } from "./support/test.ts";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
  expect(violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html.slice(0, 160))])).toEqual([]);
}

async function expectNoSideways(page: Page): Promise<void> {
  const wide = await page.evaluate(() =>
    [document.documentElement, ...document.querySelectorAll("article")]
      .filter((each) => each.scrollWidth > each.clientWidth)
      .map((each) => each.outerHTML.slice(0, 120)),
  );
  expect(wide).toEqual([]);
}

const RICH = [
  "# Heading\n\nSome **bold** and `code`, [a link](https://example.com).\n\n",
  "| a | b |\n|---|---|\n| a_rather_long_cell_that_does_not_break | 2 |\n\n",
  "- [ ] one\n- two\n\n```python\nprint('a line that is much longer than any phone is wide, to be scrolled')\n```\n\n> quote\n",
];

for (const theme of ["light", "dark"] as const) {
  for (const [size, viewport] of [
    ["desktop", { width: 1280, height: 800 }],
    ["phone", { width: 320, height: 640 }],
  ] as const) {
    test.describe(`${theme}, ${size}`, () => {
      test.use({ colorScheme: theme, viewport });

      test("signing in and up can be used by everybody", async ({ page }) => {
        for (const path of ["/login", "/signup", "/nowhere"]) {
          await page.goto(path);
          await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
          await expectAccessible(page);
          await expectNoSideways(page);
        }
      });

      test("the chat can be used by everybody", async ({ chat, model, page }) => {
        const question = unique("rich");
        await model.play(question, ...RICH, { gate: question }, "\nend");
        await chat.ask(question);
        await expect(chat.last.getByRole("blockquote")).toBeVisible();
        await model.open(question);
        await chat.settled();
        await expectAccessible(page);
        await expectNoSideways(page);
        // Colours are those of the page; what stands over it is looked at in one theme for each size.
        if ((theme === "dark") !== (size === "phone")) {
          return;
        }
        await page.keyboard.press("Control+k");
        await page.getByRole("combobox").fill("rich");
        await expect(page.getByRole("option").first()).toBeVisible();
        await expectAccessible(page);
        await page.keyboard.press("Escape");
        await page.keyboard.press("Control+Shift+M");
        await expect(page.getByRole("menu")).toBeVisible();
        await expectAccessible(page);
        await page.keyboard.press("Escape");
        if (size === "phone") {
          await page.getByRole("button", { name: "Conversations" }).click();
          await expect(page.getByRole("dialog", { name: "Conversations" })).toBeVisible();
          await expectAccessible(page);
        }
      });

      test("settings and administration can be used by everybody", async ({ account, page }) => {
        expect(account).toBeTruthy();
        for (const path of ["/settings", "/admin"]) {
          await page.goto(path);
          await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
          await expect(page.getByText("Loading…")).toHaveCount(0);
          await expectAccessible(page);
          await expectNoSideways(page);
        }
      });

      test("settings can be used by everybody while they are loaded", async ({ account, page }) => {
        expect(account).toBeTruthy();
        const gate = Promise.withResolvers<void>();
        await page.route(/\/v1\/(auth\/sessions|api-keys|usage)/, async (route) => {
          await gate.promise;
          await route.continue();
        });
        await page.goto("/settings");
        await expect(page.getByText("Loading…").first()).toBeVisible();
        // What moves is looked at where it is furthest from how it is drawn at rest.
        await page.evaluate(() => {
          for (const animation of document.getAnimations()) {
            animation.pause();
            animation.currentTime = Number(animation.effect?.getComputedTiming().duration ?? 0) / 2;
          }
        });
        await expectAccessible(page);
        gate.resolve();
        await expect(page.getByText("Loading…")).toHaveCount(0);
      });
    });
  }
}

test("administration can be used by everybody who may", async ({ page }) => {
  await page.goto("/login?next=/admin");
  await page.getByLabel("E-mail").fill("admin@example.com");
  await page.getByLabel("Password", { exact: true }).fill(process.env.E2E_ADMIN_PASSWORD ?? "");
  await page.getByRole("button", { name: "Sign in" }).click();
  const accounts = page.getByRole("region", { name: "Accounts" });
  await expect(accounts.getByRole("listitem").first()).toBeVisible();
  await expectAccessible(page);
  await expectNoSideways(page);
  await accounts.getByRole("listitem").first().getByRole("button").click();
  await expect(page.getByRole("dialog").getByLabel("Tokens a day")).toBeVisible();
  await expectAccessible(page);
});

test("everything can be done with the keyboard alone", async ({ page, model }) => {
  await page.goto("/signup");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await page.keyboard.press("Tab");
  await page.keyboard.type(`${unique("keys").replaceAll(" ", "-")}@example.com`);
  await page.keyboard.press("Tab");
  await page.keyboard.type("only keys and patience 7");
  await page.keyboard.press("Enter");
  const chat = new Chat(page);
  await expect(chat.question).toBeFocused();
  await expect(page.getByRole("button", { name: "Model: plain:1b" })).toBeVisible();

  await page.keyboard.press("Control+Shift+M");
  await page.keyboard.type("s");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: "Model: seer:8b" })).toBeFocused();

  const question = unique("keys");
  await page.keyboard.press("Shift+Escape");
  await page.keyboard.type(question);
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("in two lines");
  await model.play(`${question}\nin two lines`, "```js\nanswer()\n```");
  await page.keyboard.press("Enter");
  await chat.settled();
  await expect(chat.question).toBeFocused();

  // What draws code is loaded with the first answer.
  await expect(chat.last.getByRole("button", { name: "Copy code" })).toBeVisible();
  await page.keyboard.press("Control+Shift+;");
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe("answer()");
  await page.keyboard.press("Control+Shift+C");
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toContain("```js");

  await page.keyboard.press("ArrowUp");
  await expect(page.getByRole("textbox", { name: "Question", exact: true })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(chat.question).toBeFocused();

  await page.keyboard.press("Control+k");
  const search = page.getByRole("combobox", { name: "Search all conversations" });
  await expect(search).toBeFocused();
  await page.keyboard.type("two lines");
  await expect(page.getByRole("option")).toHaveCount(1);
  await page.keyboard.press("Escape");
  await expect(search).toHaveCount(0);
  await expect(chat.question).toBeFocused();

  await page.keyboard.press("Control+/");
  await expect(page.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(chat.question).toBeFocused();

  await page.keyboard.press("Control+Shift+O");
  await expect(page).toHaveURL(/\/chat$/);
  await expect(chat.question).toBeFocused();
});

/** Presses a button by its key, when it can be: one that cannot be yet would not say so. */
async function press(button: Locator): Promise<void> {
  await expect(button).toBeEnabled();
  await button.press("Enter");
}

test("keys go on where they are of use when what had the focus is gone", async ({ chat, model, page }) => {
  const [question, other] = [unique("focus"), unique("focused")];
  await model.play(question, "Begun", { gate: question }, " and never ended");
  await model.play(other, "Another");
  await chat.question.fill(question);
  await page.keyboard.press("Enter");
  await expect(chat.last).toContainText("Begun");
  await press(page.getByRole("button", { name: "Stop", exact: true }));
  await expect(chat.last).toContainText("Stopped.");
  await expect(chat.question).toBeFocused();

  await press(page.getByRole("button", { name: "Answer again" }));
  await expect(chat.last).toContainText("Begun");
  await expect(chat.question).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(chat.last).toContainText("2 / 2");
  await press(page.getByRole("button", { name: "Previous answer" }));
  await expect(chat.last).toContainText("1 / 2");
  // There is none before the first: so it is the answer itself, before its buttons.
  await expect(chat.last).toBeFocused();
  await press(page.getByRole("button", { name: "Next answer" }));
  await expect(chat.last).toContainText("2 / 2");

  await press(page.getByRole("button", { name: "Edit question" }));
  await page.getByRole("textbox", { name: "Question", exact: true }).fill(other);
  await press(page.getByRole("button", { name: "Ask this" }));
  await expect(chat.last).toContainText("Another");
  await expect(chat.question).toBeFocused();
});

test("a word that is being composed is not sent by the key that ends it", async ({ chat }) => {
  await chat.question.fill("にほん");
  await chat.question.evaluate((area) => {
    area.dispatchEvent(
      new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true }),
    );
  });
  await expect(chat.question).toHaveValue("にほん");
  await expect(chat.questions).toHaveCount(0);
});

test("who follows an answer is taken along, and who reads above is left there", async ({
  chat,
  model,
  page,
}) => {
  const question = unique("scroll");
  const lines = (name: string) => Array.from({ length: 60 }, (_, index) => `${name} ${index}\n\n`);
  await model.play(
    question,
    ...lines("first"),
    { gate: `${question} 1` },
    ...lines("second"),
    { gate: `${question} 2` },
    ...lines("third"),
  );
  await chat.ask(question);
  await expect(chat.last.getByText("first 59", { exact: true })).toBeInViewport();
  await model.open(`${question} 1`);
  await expect(chat.last.getByText("second 59", { exact: true })).toBeInViewport();

  await chat.last.hover();
  await page.mouse.wheel(0, -900);
  await expect(page.getByRole("button", { name: "To the end" })).toBeVisible();
  const seen = chat.last.getByText("second 30", { exact: true });
  await expect(seen).toBeInViewport();
  await model.open(`${question} 2`);
  await chat.settled();
  await expect(seen).toBeInViewport();
  await expect(chat.last.getByText("third 59", { exact: true })).not.toBeInViewport();
  await page.getByRole("button", { name: "To the end" }).click();
  await expect(chat.last.getByText("third 59", { exact: true })).toBeInViewport();
});
