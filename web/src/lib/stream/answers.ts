/** An answer while it is written: what the frames of its stream come to, joined in any way they may be cut. */
import type { ErrorBody, Frame, Timings, ToolCall, Usage } from "@/lib/api/types";
import type { Placed } from "./events";

export interface Answer {
  readonly generationId?: string;
  readonly conversationId?: string;
  readonly messageId?: string;
  /** The message that it answers. */
  readonly parentId?: string;
  readonly model?: string;
  /** Size of what has come: a code point counts one, and so does a piece of a tool call. */
  readonly place: number;
  readonly thinking: string;
  readonly content: string;
  readonly toolCalls: readonly ToolCall[];
  /** Messages of the conversation that the model was not shown, because they did not fit. */
  readonly dropped: readonly string[];
  readonly queue?: { readonly position: number; readonly estimateMs: number | undefined } | undefined;
  readonly end?: End;
}

type End =
  | { readonly kind: "done"; readonly reason: string; readonly usage: Usage; readonly timings: Timings }
  | { readonly kind: "failed"; readonly error: ErrorBody };

export const NOTHING: Answer = { place: 0, thinking: "", content: "", toolCalls: [], dropped: [] };

/** What came does not join on to what is there. */
class Gap extends Error {}

/**
 * Returns the answer with a frame more. What is there already is not taken twice.
 *
 * @throws Gap something is missing before this frame.
 */
export function advance(answer: Answer, { place, frame }: Placed): Answer {
  switch (frame.event) {
    case "start":
      return { ...answer, ...begun(frame) };
    case "queued":
      return { ...answer, queue: { position: frame.position, estimateMs: frame.estimate_ms ?? undefined } };
    case "context":
      return { ...answer, dropped: frame.dropped };
    case "delta":
      return grown(answer, frame, place ?? answer.place + sizeOf(frame));
    case "done": {
      const { finish_reason: reason, usage, timings } = frame;
      return { ...answer, queue: undefined, end: { kind: "done", reason, usage, timings } };
    }
    case "error":
      return { ...answer, queue: undefined, end: { kind: "failed", error: frame.error } };
  }
}

type Piece = Extract<Frame, { event: "delta" }>;

function begun(frame: Extract<Frame, { event: "start" }>): Partial<Answer> {
  const { generation_id, model, conversation_id, message_id, parent_id } = frame;
  return {
    generationId: generation_id,
    model,
    ...(conversation_id && { conversationId: conversation_id }),
    ...(message_id && { messageId: message_id }),
    ...(parent_id && { parentId: parent_id }),
  };
}

function grown(answer: Answer, piece: Piece, place: number): Answer {
  const known = answer.place - (place - sizeOf(piece));
  if (known < 0) {
    throw new Gap();
  }
  if (place <= answer.place) {
    return answer;
  }
  return {
    ...answer,
    place,
    queue: undefined,
    content: answer.content + after(piece.content ?? "", known),
    thinking: answer.thinking + after(piece.thinking ?? "", known),
    toolCalls: joined(answer.toolCalls, (piece.tool_calls ?? []).slice(known)),
  };
}

export function sizeOf(piece: Piece): number {
  return codePoints(piece.content ?? "") + codePoints(piece.thinking ?? "") + (piece.tool_calls ?? []).length;
}

export function codePoints(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length - 1; index += 1) {
    const unit = text.charCodeAt(index);
    const next = text.charCodeAt(index + 1);
    if (unit >= 0xd800 && unit < 0xdc00 && next >= 0xdc00 && next < 0xe000) {
      count -= 1;
      index += 1;
    }
  }
  return count;
}

/** Returns `text` without its first code points. */
function after(text: string, count: number): string {
  return count === 0 ? text : Array.from(text).slice(count).join("");
}

function joined(calls: readonly ToolCall[], pieces: NonNullable<Piece["tool_calls"]>): readonly ToolCall[] {
  if (pieces.length === 0) {
    return calls;
  }
  const all = [...calls];
  for (const { index, id, function: part } of pieces) {
    const call = all[index];
    all[index] = {
      id: call?.id || id || "",
      type: "function",
      function: {
        name: call?.function.name || part?.name || "",
        arguments: (call?.function.arguments ?? "") + (part?.arguments ?? ""),
      },
    };
  }
  return all;
}
