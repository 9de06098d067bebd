import { memo } from "react";
import type { Message } from "@/lib/api/types";
import type { Conversation } from "../model/conversation";
import type { LiveAnswer } from "../model/live-answer";
import type { Manner } from "../model/views";
import { AnswerView } from "./answer-view";
import { QuestionView } from "./question-view";

export interface MessageProps {
  message: Message;
  conversation: Conversation;
  manner: Manner | undefined;
  /** A question is on its way: nothing else can be asked. */
  quiet: boolean;
  last: boolean;
}

export interface AnswerProps extends MessageProps {
  live: LiveAnswer | undefined;
}

/** A message. One that did not change is not drawn again, whatever grows below it. */
export const MessageView = memo(function MessageView(props: AnswerProps) {
  const { message } = props;
  if (message.role === "user") {
    return <QuestionView {...props} />;
  }
  if (message.role === "assistant") {
    return <AnswerView {...props} />;
  }
  return <Aside message={message} />;
});

/** What the system or a tool said. */
function Aside({ message }: { message: Message }) {
  const name = message.role === "tool" ? `Result of ${message.tool_name ?? "a tool"}` : "Instructions";
  return (
    <article
      id={`message-${message.id}`}
      tabIndex={-1}
      aria-label={name}
      className="rounded-md border border-line px-4 py-2 text-sm"
    >
      <details>
        <summary className="min-h-8 py-1 text-soft">{name}</summary>
        <p className="whitespace-pre-wrap break-words py-2">{message.content}</p>
      </details>
    </article>
  );
}
