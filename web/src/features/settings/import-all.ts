import { api, result } from "@/lib/api/client";
import { ApiError } from "@/lib/api/errors";
import type { ConversationDocument } from "@/lib/api/types";

/** What came of it. `failure` is why the first that was left was left. */
export interface Imported {
  readonly taken: number;
  readonly left: number;
  readonly failure?: unknown;
}

/** The file is none that was saved here. */
export class NoDocument extends Error {
  constructor() {
    super("This file has no conversations that were saved here.");
    this.name = "NoDocument";
  }
}

// A server that is busy for longer is not asked on.
const MOST_WAITS = 5;

/**
 * Makes conversations of what `exportAll` saved, or of one that was saved by itself: one after the other, as the server
 * lets them in. One that it does not take is left, and the others are taken.
 *
 * @throws NoDocument there are none in it.
 * @throws Unreachable, SessionEnded nobody knows whether the last one was taken; `onProgress` was told of those before.
 */
export async function importAll(
  content: string,
  onProgress: (done: number, all: number) => void,
  pause: (milliseconds: number) => Promise<void> = (time) => new Promise((done) => setTimeout(done, time)),
): Promise<Imported> {
  const documents = documentsOf(content);
  let taken = 0;
  const failures: unknown[] = [];
  for (const document of documents) {
    try {
      await take(document, pause);
      taken += 1;
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      failures.push(error);
    }
    onProgress(taken + failures.length, documents.length);
  }
  return { taken, left: failures.length, failure: failures[0] };
}

function documentsOf(content: string): ConversationDocument[] {
  try {
    const found: unknown = JSON.parse(content);
    const all = Array.isArray(found) ? found : [found];
    if (all.length > 0 && all.every((each) => each?.format === "deepersensor.conversation")) {
      return all as ConversationDocument[];
    }
  } catch {
    // As any other file.
  }
  throw new NoDocument();
}

async function take(
  body: ConversationDocument,
  pause: (milliseconds: number) => Promise<void>,
): Promise<void> {
  for (let waits = 0; ; waits += 1) {
    try {
      await result(api.POST("/v1/conversations/import", { body }));
      return;
    } catch (error) {
      const wait = error instanceof ApiError ? error.retryAfter : undefined;
      if (wait === undefined || waits === MOST_WAITS) {
        throw error;
      }
      await pause(wait * 1_000);
    }
  }
}
