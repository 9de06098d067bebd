import fc from "fast-check";
import { expect, test } from "vitest";
import type { Frame } from "@/lib/api/types";
import { type Answer, codePoints, sizeOf } from "./answers";
import { follow, type Source } from "./follow";

type Piece = Extract<Frame, { event: "delta" }>;

const START: Frame = { event: "start", generation_id: "g", model: "m", created_at: "2026-01-01T00:00:00Z" };
const DONE = { event: "done", finish_reason: "stop", usage: {}, timings: {} } as Frame;

/** A server that keeps an answer as the real one does, and whose connections break where it is told. */
class Server {
  readonly #pieces: readonly Piece[];
  /** How the answer is cut into frames each time, and after how many bytes each connection breaks. */
  readonly #cuts: number[];
  readonly #joins: number[];

  constructor(pieces: readonly Piece[], cuts: number[], joins: number[]) {
    this.#pieces = pieces;
    this.#cuts = [...cuts];
    this.#joins = [...joins];
  }

  source(): Source {
    return {
      ask: async () => this.#response(0),
      resume: async (_, after) => this.#response(after ?? 0),
      pause: async () => undefined,
    };
  }

  #response(after: number): Response {
    const bytes = new TextEncoder().encode(this.#events(after));
    const cut = this.#cuts.shift() ?? bytes.length;
    const [first, second] = [
      bytes.subarray(0, Math.floor(cut / 2)),
      bytes.subarray(Math.floor(cut / 2), cut),
    ];
    const broken = cut < bytes.length;
    return new Response(
      new ReadableStream({
        start(controller) {
          for (const part of [first, second]) {
            if (part.length > 0) {
              controller.enqueue(part);
            }
          }
          if (broken && cut % 2) {
            controller.error(new TypeError("network error"));
          } else {
            controller.close();
          }
        },
      }),
    );
  }

  #events(after: number): string {
    let text = after === 0 ? event(0, START) : "";
    let place = 0;
    for (const piece of this.#rejoined()) {
      const end = place + sizeOf(piece);
      if (end > after) {
        text += event(end, place >= after ? piece : rest(piece, after - place));
      }
      place = end;
    }
    return `${text}: ping\n\n${event(place + 1, DONE)}`;
  }

  /** Neighbours of one kind may leave together, differently each time. */
  #rejoined(): Piece[] {
    const pieces: Piece[] = [];
    for (const piece of this.#pieces) {
      const last = pieces.at(-1);
      if (last?.content && piece.content && (this.#joins.shift() ?? 0) > 0) {
        pieces[pieces.length - 1] = { ...last, content: last.content + piece.content };
      } else {
        pieces.push(piece);
      }
    }
    return pieces;
  }
}

function rest(piece: Piece, from: number): Piece {
  const cut = (text = "") => Array.from(text).slice(from).join("");
  return {
    ...piece,
    content: cut(piece.content),
    thinking: cut(piece.thinking),
    tool_calls: (piece.tool_calls ?? []).slice(from),
  };
}

function event(id: number, frame: Frame): string {
  return `id: ${id}\nevent: ${frame.event}\ndata: ${JSON.stringify(frame)}\n\n`;
}

async function read(server: Server): Promise<Answer> {
  let last: Answer | undefined;
  for await (const { answer } of follow(server.source(), new AbortController().signal)) {
    expect(answer.place).toBeGreaterThanOrEqual(last?.place ?? 0);
    last = answer;
  }
  return last as Answer;
}

const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 6 });
const piece: fc.Arbitrary<Piece> = fc.oneof(
  { weight: 5, arbitrary: text.map((content): Piece => ({ event: "delta", content })) },
  { weight: 1, arbitrary: text.map((thinking): Piece => ({ event: "delta", thinking })) },
  {
    weight: 1,
    arbitrary: text.map(
      (argument): Piece => ({
        event: "delta",
        tool_calls: [{ index: 0, function: { arguments: argument } }],
      }),
    ),
  },
);

function expectWhole(answer: Answer, pieces: readonly Piece[]): void {
  expect(answer.content).toBe(pieces.map(({ content }) => content ?? "").join(""));
  expect(answer.thinking).toBe(pieces.map(({ thinking }) => thinking ?? "").join(""));
  expect(answer.toolCalls[0]?.function.arguments ?? "").toBe(
    pieces
      .flatMap(({ tool_calls }) => (tool_calls ?? []).map((call) => call.function?.arguments ?? ""))
      .join(""),
  );
  expect(answer.end?.kind).toBe("done");
}

test("an answer that is cut anywhere, any number of times, comes whole and once", async () => {
  const cuts = fc.array(fc.nat(400), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 12 }),
      cuts,
      fc.array(fc.nat(1)),
      async (pieces, at, joins) => {
        expectWhole(await read(new Server(pieces, at, joins)), pieces);
      },
    ),
    { numRuns: 400 },
  );
});

test("an answer that is cut at any one byte comes whole and once", async () => {
  const pieces: Piece[] = ["Grüße", " 👩‍🚀 an", " beide\n\n", "data: x"].map((content) => ({
    event: "delta",
    content,
  }));
  for (let cut = 0; cut < 700; cut += 1) {
    expectWhole(await read(new Server(pieces, [cut], [1])), pieces);
  }
});

test("a size is counted as the server counts, in code points", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (any) => codePoints(any) === Array.from(any).length));
});
