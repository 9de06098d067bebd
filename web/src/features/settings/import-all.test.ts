import { afterEach, expect, test, vi } from "vitest";
import type { Tokens } from "@/lib/api/types";
import { session } from "@/lib/session/browser";
import { importAll, NoDocument } from "./import-all";

// Outside a page an address has to be whole.
vi.hoisted(() => vi.stubEnv("NEXT_PUBLIC_API_BASE", "http://localhost"));

const DOCUMENT = { format: "deepersensor.conversation" };
const refusal = (status: number, error: object) => Response.json({ error }, { status });
const busy = () => refusal(503, { code: "overloaded", message: "", retry_after: 7 });

afterEach(() => vi.unstubAllGlobals());

/** A server that answers so, one after the other. */
function server(...responses: Response[]): Request[] {
  const asked: Request[] = [];
  session.accept({ access_token: "a.eyJzdWIiOiJ1In0.b", expires_in: 600 } as Tokens);
  vi.stubGlobal("fetch", async (request: Request) => {
    asked.push(request);
    return responses.shift() ?? Response.json({}, { status: 201 });
  });
  return asked;
}

test("a busy server is waited for as long as it says, and no document comes twice", async () => {
  const asked = server(busy(), busy());
  const waits: number[] = [];
  const progress: number[] = [];
  const done = await importAll(
    JSON.stringify([DOCUMENT, DOCUMENT]),
    (count) => progress.push(count),
    async (milliseconds) => void waits.push(milliseconds),
  );
  expect(done).toMatchObject({ taken: 2, left: 0 });
  expect(waits).toEqual([7_000, 7_000]);
  expect(progress).toEqual([1, 2]);
  expect(asked).toHaveLength(4);
});

test("a server that stays busy is not asked for ever", async () => {
  const asked = server(...Array.from({ length: 50 }, busy));
  const done = await importAll(
    JSON.stringify(DOCUMENT),
    () => undefined,
    async () => undefined,
  );
  expect(done).toMatchObject({ taken: 0, left: 1 });
  expect(asked.length).toBeLessThan(10);
});

test.each(["", "{", "[]", "null", "[null]", '[{"format":"other"}]', '"text"'])(
  "what was not saved here is not sent: %s",
  async (content) => {
    const asked = server();
    await expect(importAll(content, () => undefined)).rejects.toBeInstanceOf(NoDocument);
    expect(asked).toHaveLength(0);
  },
);
