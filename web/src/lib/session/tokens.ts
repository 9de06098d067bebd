/** The access token: kept in memory, and never anywhere else. */
import type { Tokens } from "@/lib/api/types";

export interface Held {
  readonly token: string;
  /** Whose it is. */
  readonly account: string;
  /** When it ends, in milliseconds of this device's clock. */
  readonly until: number;
}

export function held(tokens: Pick<Tokens, "access_token" | "expires_in">, now: number): Held {
  return {
    token: tokens.access_token,
    account: accountOf(tokens.access_token),
    until: now + tokens.expires_in * 1000,
  };
}

/** Whether it lasts long enough to begin something with it. */
export function isFresh(token: Held, now: number): boolean {
  // A tenth of a minute would do for a request; a stream is begun once and followed for long.
  return token.until - now > 30_000;
}

/** Reads whose token it is. Nothing is decided by it but whether two tabs speak of the same account. */
function accountOf(token: string): string {
  try {
    const [, payload = ""] = token.split(".");
    const { sub } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))) as { sub?: unknown };
    return typeof sub === "string" ? sub : "";
  } catch {
    return "";
  }
}
