// What a client made of the document knows. Each line below an expected error would be a fault of the client.
import type { components, operations } from "./schema";

type Schemas = components["schemas"];
type Failure<O extends keyof operations, S extends keyof operations[O]["responses"]> =
  operations[O]["responses"][S] extends { content: { "application/json": { error: { code: infer C } } } } ? C : never;

// The least that a question needs.
export const question: Schemas["ChatBody"] = {
  model: "llama3.2",
  messages: [{ role: "user", content: "Why is the sky blue?" }],
};
// @ts-expect-error  there is no such role
export const nonsense: Schemas["ChatBody"] = { model: "llama3.2", messages: [{ role: "nobody" }] };

// Frames are told apart by their event.
export function text(frame: Schemas["Frame"]): string {
  switch (frame.event) {
    case "delta":
      return frame.content ?? "";
    case "error":
      return frame.error.message;
    case "queued":
      return String(frame.position);
    case "start":
      // @ts-expect-error  a start has no content
      return frame.content;
    case "context":
    case "done":
      return "";
    default: {
      const none: never = frame;
      return none;
    }
  }
}

// Codes are those of the operation and status.
export const taken: Failure<"signUp", 409> = "email_taken";
// @ts-expect-error  nobody signs up into a conflict
export const conflict: Failure<"signUp", 409> = "conflict";
export const spent: Failure<"createChatCompletion", 429> = "insufficient_quota";
// @ts-expect-error  only there
export const native: Failure<"chat", 429> = "insufficient_quota";

type Whole = operations["chat"]["responses"][200]["content"]["application/json"];
export const answer = (whole: Whole): string => whole.message.content ?? "";
export const id = (signedIn: Schemas["SignedIn"]): string => signedIn.user.id;
