import { expect, test } from "vitest";
import { ApiError } from "@/lib/api/errors";
import type { ErrorCode } from "@/lib/api/types";
import { NOTHING } from "./answers";
import { follow, type Sight, type Source } from "./follow";

const SIGNAL = new AbortController().signal;
const START =
  'id: 0\nevent: start\ndata: {"event":"start","generation_id":"g","model":"m","created_at":""}\n\n';
const HELLO = 'id: 5\nevent: delta\ndata: {"event":"delta","content":"Hello"}\n\n';
const END = 'id: 6\nevent: done\ndata: {"event":"done","finish_reason":"stop","usage":{},"timings":{}}\n\n';
const EXPELLED = 'event: error\ndata: {"event":"error","error":{"code":"invalid_token","message":"No."}}\n\n';

function refusal(status: number, code: ErrorCode, retry_after?: number): Response {
  return Response.json({ error: { code, message: code, ...(retry_after && { retry_after }) } }, { status });
}

/** Gives the responses one after another, and remembers what it was asked. */
function scripted(...responses: (Response | Error)[]): Source & { asked: unknown[]; pauses: number[] } {
  const asked: unknown[] = [];
  const pauses: number[] = [];
  const next = async (what: unknown) => {
    asked.push(what);
    const response = responses.shift();
    if (response instanceof Response) {
      return response;
    }
    throw response ?? new Error("nothing left");
  };
  return {
    asked,
    pauses,
    ask: () => next("question"),
    resume: (id, after) => next([id, after]),
    pause: async (milliseconds) => void pauses.push(milliseconds),
  };
}

async function all(source: Source): Promise<Sight[]> {
  return Array.fromAsync(follow(source, SIGNAL));
}

test("a question whose connection breaks before anything came is asked again", async () => {
  const source = scripted(new TypeError("network"), new Response(START + HELLO + END));
  const sights = await all(source);
  expect(source.asked).toEqual(["question", "question"]);
  expect(sights.map(({ connected }) => connected)).toEqual([false, true, true, true]);
});

test("an answer that has begun is never asked for again, but gone on with", async () => {
  const source = scripted(new Response(START + HELLO), new Response(END));
  await all(source);
  expect(source.asked).toEqual(["question", ["g", 5]]);
});

test("a refused question is for whoever asked to see", async () => {
  const source = scripted(refusal(429, "rate_limited", 7));
  await expect(all(source)).rejects.toMatchObject({ status: 429, retryAfter: 7 });
});

test("a busy server is asked for the rest after as long as it said", async () => {
  const source = scripted(new Response(START), refusal(503, "overloaded", 30), new Response(HELLO + END));
  const sights = await all(source);
  expect(source.pauses.at(-1)).toBe(30_000);
  expect(sights.at(-1)?.answer.content).toBe("Hello");
});

test("an answer that is gone ends the following", async () => {
  const source = scripted(new Response(START), refusal(404, "not_found"));
  await expect(all(source)).rejects.toBeInstanceOf(ApiError);
});

test("when nothing is left to come, it ends without an end", async () => {
  const source = scripted(new Response(START + HELLO), new Response(null, { status: 204 }));
  expect((await all(source)).at(-1)?.answer.end).toBeUndefined();
});

test("a viewer whose token ended goes on with another one", async () => {
  const source = scripted(new Response(START + HELLO + EXPELLED), new Response(END));
  const last = (await all(source)).at(-1);
  expect(last?.answer.end?.kind).toBe("done");
});

test("what does not join on is asked for again", async () => {
  const gap = 'id: 12\nevent: delta\ndata: {"event":"delta","content":"!"}\n\n';
  const source = scripted(new Response(START + HELLO + gap), new Response(END));
  const last = (await all(source)).at(-1);
  expect(last?.answer.content).toBe("Hello");
  expect(source.asked).toEqual(["question", ["g", 5]]);
});

test("places in a line are told, and forgotten when the answer begins", async () => {
  const queued = 'event: queued\ndata: {"event":"queued","position":2,"estimate_ms":1500}\n\n';
  const sights = await all(scripted(new Response(START + queued + HELLO + END)));
  expect(sights[1]?.answer.queue).toEqual({ position: 2, estimateMs: 1500 });
  expect(sights[2]?.answer.queue).toBeUndefined();
});

test("following gives up with its signal", async () => {
  const leaving = new AbortController();
  const source = scripted(new Response(START + HELLO));
  source.pause = async () => leaving.abort();
  const followed = Array.fromAsync(follow(source, leaving.signal, NOTHING));
  await expect(followed).rejects.toThrow();
});
