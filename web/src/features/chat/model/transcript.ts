/** A path of a conversation's tree, as far as it was loaded: from some message down to a leaf. */
import { replaceEqualDeep } from "@tanstack/react-query";
import type { Message, MessagePage } from "@/lib/api/types";
import type { Answer } from "@/lib/stream/answers";

export interface Transcript {
  /** The oldest first. */
  readonly messages: readonly Message[];
  /** Where what is older begins; null: there is nothing older. */
  readonly older: string | null;
}

export const EMPTY: Transcript = { messages: [], older: null };

/** Pages have the newest first. */
export function ofPage(page: MessagePage): Transcript {
  return { messages: page.items.toReversed(), older: page.cursor };
}

export function withOlder(transcript: Transcript, page: MessagePage): Transcript {
  return { messages: [...page.items.toReversed(), ...transcript.messages], older: page.cursor };
}

/** Takes over what the newest page says, and keeps what lies above it and was loaded before. */
export function refreshed(transcript: Transcript, page: MessagePage): Transcript {
  const known = new Map(transcript.messages.map((message) => [message.id, message]));
  const { older, messages } = ofPage(page);
  // What is as it was stays the same, and is not drawn again.
  const newest = { older, messages: messages.map((each) => replaceEqualDeep(known.get(each.id), each)) };
  const [first] = newest.messages;
  const above = first ? transcript.messages.findIndex((message) => message.id === first.parent_id) : -1;
  if (above < 0) {
    return newest;
  }
  return {
    messages: [...transcript.messages.slice(0, above + 1), ...newest.messages],
    older: transcript.older,
  };
}

/** What comes before the answer to `parentId`: the path down to that message. */
export function upTo(transcript: Transcript, parentId: string | null): Transcript {
  if (parentId === null) {
    return EMPTY;
  }
  const index = transcript.messages.findIndex((message) => message.id === parentId);
  return index < 0 ? transcript : { ...transcript, messages: transcript.messages.slice(0, index + 1) };
}

export interface Question {
  readonly text: string;
  /** Base64, as the API has them. */
  readonly images: readonly string[];
}

/** The path with a question, where there was one, and the answer that has begun. */
export function withAnswer(
  transcript: Transcript,
  question: Question | undefined,
  answer: Answer,
): Transcript {
  const { conversationId = "", messageId = "", parentId = null, generationId = null, model = null } = answer;
  const last = transcript.messages.at(-1);
  const created_at = new Date().toISOString();
  const asked: Message[] = question
    ? [
        {
          id: parentId ?? "",
          conversation_id: conversationId,
          parent_id: last?.id ?? null,
          role: "user",
          state: "complete",
          content: question.text,
          images: [...question.images],
          created_at,
        },
      ]
    : [];
  const written: Message = {
    id: messageId,
    conversation_id: conversationId,
    parent_id: parentId,
    role: "assistant",
    state: "running",
    content: "",
    created_at,
    model,
    generation_id: generationId,
  };
  return { ...transcript, messages: [...transcript.messages, ...asked, written] };
}

/** The path with the end of an answer, as the stream told it; the server's own word may follow. */
export function withEnd(transcript: Transcript, answer: Answer): Transcript {
  const { end } = answer;
  return {
    ...transcript,
    messages: transcript.messages.map((message) => {
      if (message.id !== answer.messageId || !end) {
        return message;
      }
      const text = { ...message, content: answer.content, thinking: answer.thinking || null };
      const whole = { ...text, tool_calls: [...answer.toolCalls] };
      if (end.kind === "failed") {
        const interrupted = end.error.code === "interrupted" || end.error.code === "shutting_down";
        return { ...whole, state: interrupted ? "interrupted" : "failed", error: end.error };
      }
      return {
        ...whole,
        state: end.reason === "cancelled" ? "cancelled" : "complete",
        usage: end.usage,
        timings: end.timings,
      };
    }),
  };
}
