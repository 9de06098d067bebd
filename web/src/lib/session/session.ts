/**
 * Who is signed in, in all tabs of this browser.
 *
 * The refresh token is a cookie that no script reads. A refresh is done by one tab at a time (a lock), and what it
 * yields is told to the others (a channel), so that five tabs that wake up together refresh once. Only the server's
 * word ends a session: whatever else goes wrong, whoever is signed in stays so and it is tried again.
 */
import { ApiError, errorOf, SessionEnded, Unreachable } from "@/lib/api/errors";
import type { ErrorCode, Tokens } from "@/lib/api/types";
import { type Held, held, isFresh } from "./tokens";

export type SessionState = "unknown" | "in" | "out";

/** What tabs tell each other. */
export type Word = { kind: "token"; held: Held } | { kind: "ended" };

/** What a session needs of the browser. */
export interface Surroundings {
  fetch: (path: string, init: RequestInit) => Promise<Response>;
  /** Runs `task` while no other tab runs one. */
  exclusively: <Result>(task: () => Promise<Result>) => Promise<Result>;
  tell: (word: Word) => void;
  hear: (listener: (word: Word) => void) => void;
  now: () => number;
  pause: (milliseconds: number) => Promise<void>;
  /** Whether anybody signed in with this browser and did not sign out: if not, there is nothing to ask for. */
  recall: () => boolean;
  remember: (signedIn: boolean) => void;
  /** Somebody else signed in: what this page shows is another account's. */
  startOver: () => void;
}

const OVER: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "unauthenticated",
  "invalid_token",
  "invalid_refresh_token",
  "refresh_token_reused",
]);

// A response that was lost on its way leaves this browser one token behind. The server takes that one for ten
// seconds, so the first tries follow soon.
const PAUSES = [200, 500, 1_000, 2_000, 4_000];

export class Session {
  #state: SessionState = "unknown";
  #held: Held | undefined;
  #account: string | undefined;
  #refused: string | undefined;
  #refreshing: Promise<Held> | undefined;
  // Grows with every sign-in and sign-out, so that a refresh that was under way then comes to nothing.
  #era = 0;
  readonly #listeners = new Set<() => void>();
  readonly #around: Surroundings;

  constructor(around: Surroundings) {
    this.#around = around;
    around.hear((word) => this.#heard(word));
  }

  readonly state = (): SessionState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Whose session it is, or was. */
  account(): string | undefined {
    return this.#account;
  }

  /**
   * A token that lasts a while.
   *
   * @throws SessionEnded there is nobody to have one.
   * @throws Unreachable, ApiError it cannot be had now; whoever is signed in stays so.
   */
  async token(): Promise<string> {
    if (this.#state === "unknown" && !this.#around.recall()) {
      this.#set("out");
    }
    if (this.#state === "out") {
      throw new SessionEnded();
    }
    if (this.#usable()) {
      return (this.#held as Held).token;
    }
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return (await this.#refreshing).token;
  }

  /** The token that there is, for those who cannot wait for another one. */
  present(): string | undefined {
    return this.#held?.token;
  }

  /** The server refused `token`: the next one that is asked for is another one. */
  refuse(token: string): void {
    this.#refused = token;
  }

  /** Somebody signed in here, or got new tokens with a new password. */
  accept(tokens: Tokens): void {
    this.#era += 1;
    this.#take(held(tokens, this.#around.now()));
    this.#around.tell({ kind: "token", held: this.#held as Held });
  }

  /** The session is over, here and in all tabs. */
  end(): void {
    if (this.#state !== "out") {
      this.#leave();
      this.#around.tell({ kind: "ended" });
    }
  }

  #usable(): boolean {
    const known = this.#held;
    return known !== undefined && known.token !== this.#refused && isFresh(known, this.#around.now());
  }

  async #refresh(): Promise<Held> {
    const era = this.#era;
    for (const pause of [...PAUSES, undefined]) {
      try {
        return await this.#around.exclusively(() => this.#once(era));
      } catch (error) {
        if (error instanceof SessionEnded || pause === undefined || !mayPass(error)) {
          throw error;
        }
        const asked = error instanceof ApiError ? (error.retryAfter ?? 0) * 1000 : 0;
        await this.#around.pause(Math.max(pause, asked));
      }
    }
    throw new Unreachable();
  }

  /** Refreshes, unless another tab did while this one waited for its turn. */
  async #once(era: number): Promise<Held> {
    if (this.#usable()) {
      return this.#held as Held;
    }
    this.#require(era);
    const response = await this.#ask();
    this.#require(era);
    if (!response.ok) {
      const error = await errorOf(response);
      if (error instanceof ApiError && OVER.has(error.code)) {
        this.end();
        throw new SessionEnded();
      }
      throw error;
    }
    this.#take(held((await response.json()) as Tokens, this.#around.now()));
    this.#around.tell({ kind: "token", held: this.#held as Held });
    return this.#held as Held;
  }

  async #ask(): Promise<Response> {
    try {
      return await this.#around.fetch("/v1/auth/refresh", { method: "POST" });
    } catch {
      throw new Unreachable();
    }
  }

  #require(era: number): void {
    if (this.#era !== era && !this.#usable()) {
      throw new SessionEnded();
    }
  }

  #heard(word: Word): void {
    if (word.kind === "ended") {
      this.#leave();
      return;
    }
    const before = this.#held?.account;
    if (before !== undefined && before !== word.held.account) {
      this.#around.startOver();
      return;
    }
    this.#take(word.held);
  }

  #take(token: Held): void {
    this.#held = token;
    this.#account = token.account;
    this.#around.remember(true);
    this.#set("in");
  }

  #leave(): void {
    this.#era += 1;
    this.#held = undefined;
    this.#around.remember(false);
    this.#set("out");
  }

  #set(state: SessionState): void {
    this.#state = state;
    for (const listener of this.#listeners) {
      listener();
    }
  }
}

function mayPass(error: unknown): boolean {
  return (
    error instanceof Unreachable ||
    (error instanceof ApiError && (error.status >= 500 || error.status === 429))
  );
}
