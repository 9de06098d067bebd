/** Server-sent events of a response, as frames. */
import { createParser } from "eventsource-parser";
import type { Frame } from "@/lib/api/types";

/** A frame with its place in the answer, where it has one. */
export interface Placed {
  readonly place: number | undefined;
  readonly frame: Frame;
}

/** Nothing came for so long that the connection has to be taken for dead; the server says something every 15 s. */
const SILENCE = 45_000;

/**
 * Yields the frames of `body` as they come. It ends when the stream does, cut or not: whether all has come, the frames
 * tell. A frame that is not whole yet is never yielded.
 *
 * @throws what the stream throws, when it breaks off.
 */
export async function* framesOf(body: ReadableStream<Uint8Array>, silence = SILENCE): AsyncGenerator<Placed> {
  const ready: Placed[] = [];
  const parser = createParser({
    onEvent: ({ id, data }) => {
      ready.push({ place: id === undefined ? undefined : Number(id), frame: JSON.parse(data) as Frame });
    },
  });
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { value, done } = await withinReach(reader, silence);
      if (done) {
        return;
      }
      parser.feed(decoder.decode(value, { stream: true }));
      yield* ready.splice(0);
    }
  } finally {
    // The server stops sending only when it is told.
    void reader.cancel().catch(() => undefined);
  }
}

async function withinReach(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  silence: number,
): Promise<ReadableStreamReadResult<Uint8Array>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silent = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new Error("silent")), silence);
  });
  try {
    return await Promise.race([reader.read(), silent]);
  } finally {
    clearTimeout(timer);
  }
}
