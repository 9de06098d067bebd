/** What the tests have at hand. */
import { type BrowserContext, test as base, expect, type Page } from "@playwright/test";
import type { Step } from "./model.ts";

export { expect };

export const PASSWORD = "correct horse battery 42";

let count = 0;

/** A text that no other test uses. */
export function unique(text: string): string {
  count += 1;
  return `${text} ${process.pid}-${Date.now().toString(36)}-${count}`;
}

/** The model server, from a test's side. */
export class Model {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** From now on the model says this when it is asked that. */
  async play(question: string, ...steps: Step[]): Promise<void> {
    await this.#tell("/test/play", { question, steps });
  }

  /** Lets answers go on that wait here. */
  async open(gate: string): Promise<void> {
    await this.#tell("/test/open", { gate });
  }

  async asked(question: string): Promise<{ model: string; think?: boolean; images: number }[]> {
    const all = (await (await fetch(`${this.#url}/test/asked`)).json()) as {
      model: string;
      think?: boolean;
      messages: { content: string; images?: string[] }[];
    }[];
    return all
      .filter(({ messages }) => messages.at(-1)?.content === question)
      .map(({ model, think, messages }) => ({
        model,
        ...(think !== undefined && { think }),
        images: messages.at(-1)?.images?.length ?? 0,
      }));
  }

  async #tell(path: string, content: object): Promise<void> {
    await fetch(`${this.#url}${path}`, { method: "POST", body: JSON.stringify(content) });
  }
}

/** The chat, as somebody uses it. */
export class Chat {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  get question() {
    return this.page.getByRole("textbox", { name: "Your question" });
  }

  get answers() {
    return this.page.getByRole("article", { name: "Assistant" });
  }

  get questions() {
    return this.page.getByRole("article", { name: "You" });
  }

  get last() {
    return this.answers.last();
  }

  async ask(text: string): Promise<void> {
    await this.question.fill(text);
    await this.page.getByRole("button", { name: "Send" }).click();
  }

  /** Asks, and waits for the whole answer. */
  async hear(text: string): Promise<void> {
    await this.ask(text);
    await expect(this.questions.filter({ hasText: text })).toBeVisible();
    await this.settled();
  }

  /** Returns when nothing is being written. */
  async settled(): Promise<void> {
    await expect(this.last).toHaveAttribute("aria-busy", "false");
  }
}

/** Signs somebody up in this browser, without the form. */
export async function signUp(
  page: Page,
  email = `${unique("user").replaceAll(" ", "-")}@example.com`,
): Promise<string> {
  await page.goto("/login");
  const status = await page.evaluate(
    async (body) => {
      const headers = { "content-type": "application/json" };
      const { status } = await fetch("/v1/auth/signup", {
        method: "POST",
        headers,
        body: JSON.stringify(body),
      });
      // Not sooner, or the page would ask for a session that is not there yet, and find out that there is none.
      localStorage.setItem("deeper.signed-in", "yes");
      return status;
    },
    { email, password: PASSWORD, transport: "cookie" },
  );
  expect(status).toBe(201);
  return email;
}

interface Fixtures {
  model: Model;
  /** The e-mail of somebody who is signed in. */
  account: string;
  /** The chat of somebody who just signed up. */
  chat: Chat;
  /** Another tab of the same browser. */
  tab: (context: BrowserContext, path: string) => Promise<Chat>;
  /** What went wrong in the page; checked at the end. */
  calm: undefined;
}

// What the network does is for the tests to say, and one of them tries the policy. Else a page has no errors.
const EXPECTED = /^Failed to load resource|^Executing inline event handler violates/;

export const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names of what is wanted from here
  baseURL: async ({}, use) => use(process.env.E2E_URL ?? ""),
  // biome-ignore lint/correctness/noEmptyPattern: as above
  model: async ({}, use) => use(new Model(process.env.E2E_MODEL_URL ?? "")),
  calm: [
    async ({ context }, use) => {
      const wrong: string[] = [];
      context.on("weberror", (error) => wrong.push(String(error.error())));
      context.on("console", (message) => {
        if (message.type() === "error" && !EXPECTED.test(message.text())) {
          wrong.push(message.text());
        }
      });
      await use(undefined);
      expect(wrong).toEqual([]);
    },
    { auto: true },
  ],
  account: async ({ page }, use) => use(await signUp(page)),
  chat: async ({ page, account }, use) => {
    expect(account).not.toBe("");
    await page.goto("/chat");
    const chat = new Chat(page);
    await expect(chat.question).toBeVisible();
    await expect(page.getByRole("button", { name: "Model: plain:1b" })).toBeVisible();
    await use(chat);
  },
  // biome-ignore lint/correctness/noEmptyPattern: as above
  tab: async ({}, use) =>
    use(async (context, path) => {
      const page = await context.newPage();
      await page.goto(path);
      return new Chat(page);
    }),
});
