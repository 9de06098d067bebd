import { expect, test } from "vitest";
import { SessionEnded } from "@/lib/api/errors";
import { Session, type Surroundings, type Word } from "./session";

const tokens = (name: string, account = "ada") => ({
  access_token: `x.${btoa(JSON.stringify({ sub: account, name }))}.x`,
  expires_in: 600,
  token_type: "Bearer" as const,
});

const refused = () =>
  Response.json({ error: { code: "invalid_refresh_token", message: "No." } }, { status: 401 });

/** A browser with several tabs, and the server that they refresh at. */
class Browser {
  time = 0;
  signedIn = true;
  refreshes = 0;
  pauses: number[] = [];
  startedOver = 0;
  /** What the server says to each refresh; after that it gives tokens. */
  script: (() => Response | Promise<Response>)[] = [];
  readonly #listeners: ((word: Word) => void)[] = [];
  #last: Promise<unknown> = Promise.resolve();

  tab(): Session {
    let own: ((word: Word) => void) | undefined;
    const around: Surroundings = {
      fetch: async () => {
        this.refreshes += 1;
        const answer = this.script.shift();
        return answer ? answer() : Response.json(tokens(`r${this.refreshes}`));
      },
      exclusively: (task) => {
        const turn = this.#last.then(task, task);
        this.#last = turn.catch(() => undefined);
        return turn;
      },
      tell: (word) => {
        for (const listener of this.#listeners.filter((each) => each !== own)) {
          listener(word);
        }
      },
      hear: (listener) => {
        own = listener;
        this.#listeners.push(listener);
      },
      now: () => this.time,
      pause: async (milliseconds) => void this.pauses.push(milliseconds),
      recall: () => this.signedIn,
      remember: (signedIn) => {
        this.signedIn = signedIn;
      },
      startOver: () => {
        this.startedOver += 1;
      },
    };
    return new Session(around);
  }
}

test("five tabs that need a token at once refresh once", async () => {
  const browser = new Browser();
  const tabs = Array.from({ length: 5 }, () => browser.tab());
  const got = await Promise.all(tabs.flatMap((tab) => [tab.token(), tab.token()]));
  expect(new Set(got).size).toBe(1);
  expect(browser.refreshes).toBe(1);
});

test("a token is used until shortly before its end", async () => {
  const browser = new Browser();
  const tab = browser.tab();
  await tab.token();
  browser.time = 560_000;
  await tab.token();
  expect(browser.refreshes).toBe(1);
  browser.time = 575_000;
  await tab.token();
  expect(browser.refreshes).toBe(2);
});

test("a token that the server refused is not used again", async () => {
  const browser = new Browser();
  const tab = browser.tab();
  const first = await tab.token();
  tab.refuse(first);
  expect(await tab.token()).not.toBe(first);
});

test("a network that drops signs nobody out, and is tried again soon", async () => {
  const browser = new Browser();
  const fail = () => Promise.reject(new TypeError("network"));
  browser.script = [fail, fail, fail];
  const tab = browser.tab();
  await tab.token();
  expect(tab.state()).toBe("in");
  // The server takes the token before the last one for ten seconds.
  expect(browser.pauses.reduce((sum, each) => sum + each, 0)).toBeLessThan(10_000);
});

test.each([500, 502, 503, 429])("a server that answers %i signs nobody out", async (status) => {
  const browser = new Browser();
  const tab = browser.tab();
  await tab.token();
  browser.time = 700_000;
  browser.script = Array.from({ length: 6 }, () => () => new Response("<html>", { status }));
  await expect(tab.token()).rejects.not.toBeInstanceOf(SessionEnded);
  expect(tab.state()).toBe("in");
});

test("a refused refresh ends the session in all tabs", async () => {
  const browser = new Browser();
  const [one, two] = [browser.tab(), browser.tab()];
  await Promise.all([one.token(), two.token()]);
  browser.time = 700_000;
  browser.script = [refused];
  await expect(one.token()).rejects.toBeInstanceOf(SessionEnded);
  expect([one.state(), two.state()]).toEqual(["out", "out"]);
});

test("a sign-in in one tab signs the others in", () => {
  const browser = new Browser();
  const [one, two] = [browser.tab(), browser.tab()];
  one.accept(tokens("a"));
  expect(two.state()).toBe("in");
});

test("a refresh that was under way when somebody signed out comes to nothing", async () => {
  const browser = new Browser();
  const tab = browser.tab();
  let answer: ((response: Response) => void) | undefined;
  browser.script = [
    () =>
      new Promise<Response>((resolve) => {
        answer = resolve;
      }),
  ];
  const wanted = tab.token();
  await expect.poll(() => answer).toBeDefined();
  tab.end();
  answer?.(Response.json(tokens("late")));
  await expect(wanted).rejects.toBeInstanceOf(SessionEnded);
  expect(tab.state()).toBe("out");
});

test("where nobody signed in, nothing is asked", async () => {
  const browser = new Browser();
  browser.signedIn = false;
  const tab = browser.tab();
  await expect(tab.token()).rejects.toBeInstanceOf(SessionEnded);
  expect(browser.refreshes).toBe(0);
  tab.accept(tokens("a"));
  expect(await browser.tab().token()).not.toBe("");
});

test("another account in another tab starts this page over", () => {
  const browser = new Browser();
  const [one, two] = [browser.tab(), browser.tab()];
  one.accept(tokens("a", "ada"));
  two.end();
  one.accept(tokens("a", "ada"));
  two.accept(tokens("b", "bob"));
  expect(browser.startedOver).toBe(1);
});
