/** Follows an answer to its end, over as many connections as it takes. */
import { ApiError, errorOf, SessionEnded, Unreachable } from "@/lib/api/errors";
import { type Answer, advance, NOTHING } from "./answers";
import { framesOf } from "./events";

/** How to get at the answer. Each gives up with `signal`. */
export interface Source {
  /** Asks the question; asked again, the same answer has to come. Without it, `resume` is where to begin. */
  ask?: (signal: AbortSignal) => Promise<Response>;
  /** The events of a generation after a place. */
  resume: (generationId: string, after: number | undefined, signal: AbortSignal) => Promise<Response>;
  /** Returns after so many milliseconds, sooner if the network comes back meanwhile. */
  pause: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** Where an answer is, and whether it is being listened to. */
export interface Sight {
  readonly answer: Answer;
  readonly connected: boolean;
}

const LONGEST_PAUSE = 8_000;

/**
 * Yields the answer as it grows. It returns when its last frame has come, or when the server says that there is
 * nothing left to come: then `answer.end` is missing, and what became of it is with its message.
 *
 * A connection that breaks is replaced by one that begins where it broke, as often as need be.
 *
 * @throws ApiError, SessionEnded the server refuses; the question was not asked, or the answer is gone.
 */
export async function* follow(
  source: Source,
  signal: AbortSignal,
  from: Answer = NOTHING,
): AsyncGenerator<Sight> {
  let answer = from;
  for (let failures = 0; ; failures += 1) {
    let asked = 0;
    try {
      for await (answer of listen(source, answer, signal)) {
        failures = 0;
        yield { answer, connected: true };
      }
      if (answer.end) {
        return;
      }
    } catch (error) {
      if (error instanceof Over) {
        return;
      }
      if (signal.aborted || !isPassing(error, answer)) {
        throw error;
      }
      asked = error instanceof ApiError ? (error.retryAfter ?? 0) * 1000 : 0;
    }
    yield { answer, connected: false };
    await source.pause(Math.max(asked, Math.min(250 * 2 ** failures, LONGEST_PAUSE)), signal);
  }
}

/** There is nothing left to come. */
class Over extends Error {}

/** Yields the answer as it grows over one connection. */
async function* listen(source: Source, from: Answer, signal: AbortSignal): AsyncGenerator<Answer> {
  let answer = from;
  for await (const placed of framesOf(await open(source, answer, signal))) {
    if (isExpelled(placed.frame)) {
      return;
    }
    answer = advance(answer, placed);
    yield answer;
    if (answer.end) {
      return;
    }
  }
}

/** Opens a stream of what is missing. */
async function open(
  source: Source,
  answer: Answer,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const known = answer.generationId;
  const response =
    known === undefined && source.ask
      ? await source.ask(signal)
      : await source.resume(known ?? "", answer.place || undefined, signal);
  if (response.status === 204) {
    throw new Over();
  }
  if (!response.ok) {
    throw await errorOf(response);
  }
  if (response.body === null) {
    throw new Unreachable();
  }
  return response.body;
}

/** The server does not let this viewer go on; the answer itself may well go on. A new token may help, or not. */
function isExpelled(frame: { event: string; error?: { code: string } }): boolean {
  return frame.event === "error" && frame.error?.code === "invalid_token";
}

/** Whether trying again may help. Before there is an answer, a refusal is for whoever asked to see. */
function isPassing(error: unknown, answer: Answer): boolean {
  if (error instanceof SessionEnded) {
    return false;
  }
  if (error instanceof ApiError) {
    return answer.generationId !== undefined && (error.status >= 500 || error.status === 429);
  }
  // What breaks off is a network error, a silence, or a frame that does not join on.
  return true;
}
