/** What is shown of a conversation, how it is asked, and what it needs for that. */
import type { ChatBody, GenerationView, MessagePage } from "@/lib/api/types";
import type { Answer } from "@/lib/stream/answers";
import type { Source } from "@/lib/stream/follow";
import type { LiveAnswer } from "./live-answer";
import type { Place } from "./requests";
import type { Question, Transcript } from "./transcript";

/** A question on its way: nothing of an answer has begun. */
export interface Pending {
  readonly question: Question | undefined;
  readonly live: LiveAnswer;
  /** Why it was refused, if it was. */
  readonly failure?: unknown;
}

export interface View {
  readonly id: string | undefined;
  readonly status: "empty" | "loading" | "ready" | "missing" | "failed";
  readonly error?: unknown;
  readonly transcript: Transcript;
  readonly pending?: Pending | undefined;
  readonly loadingOlder: boolean;
  /** What is older could not be loaded. */
  readonly olderFailed: boolean;
}

/** How the model is to be asked. */
export interface Manner {
  readonly model: string;
  readonly think?: boolean | undefined;
}

/** What a conversation needs of the API, and whom it tells. */
export interface Services {
  fetchPath: (conversationId: string, place: Place) => Promise<MessagePage>;
  questionSource: (body: ChatBody, key: string) => Source;
  generationSource: Source;
  cancel: (generationId: string) => Promise<GenerationView>;
  /** Something began or ended in it that others may want to know. */
  changed: (conversationId: string) => void;
  /** An answer ended while it was listened to. */
  answered: (answer: Answer) => void;
}
