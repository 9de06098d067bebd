"use client";

import { useSyncExternalStore } from "react";
import { CopyButton } from "@/components/copy-button";
import { Icon } from "@/components/icons";
import { Notice } from "@/components/notice";
import { LazyMarkdown } from "@/features/markdown/lazy-markdown";
import { sentence } from "@/lib/api/errors";
import type { Message } from "@/lib/api/types";
import { toQuestion } from "../focus";
import { AnswerFacts } from "./answer-facts";
import { Branches } from "./branches";
import type { AnswerProps, MessageProps } from "./message-view";
import { Progress } from "./progress";
import { Thinking } from "./thinking";
import { ToolCalls } from "./tool-calls";

const NEVER = () => () => undefined;
const NOTHING_LIVE = () => undefined;

/** An answer: while it is written, as far as `live` has it, and then as the server keeps it. */
export function AnswerView({ message, live, conversation, manner, quiet, last }: AnswerProps) {
  const seen = useSyncExternalStore(live?.subscribe ?? NEVER, live?.state ?? NOTHING_LIVE, NOTHING_LIVE);
  const written = seen?.answer;
  const content = written?.content ?? message.content;
  const thinking = written?.thinking ?? message.thinking;
  const calls = written?.toolCalls ?? message.tool_calls ?? [];
  return (
    <article
      id={`message-${message.id}`}
      tabIndex={-1}
      aria-label="Assistant"
      aria-busy={seen !== undefined}
      className="message gap-2"
      data-last={last}
    >
      <Name model={message.model ?? written?.model} />
      {written && written.dropped.length > 0 && <Dropped count={written.dropped.length} />}
      {thinking && <Thinking text={thinking} done={!seen || content !== "" || calls.length > 0} />}
      {content && <LazyMarkdown text={content} growing={seen !== undefined} />}
      <ToolCalls calls={calls} />
      {seen ? (
        <Progress answer={seen.answer} connected={seen.connected} />
      ) : (
        <>
          <Ending message={message} />
          <Actions message={message} conversation={conversation} manner={manner} quiet={quiet} />
        </>
      )}
    </article>
  );
}

function Dropped({ count }: { count: number }) {
  return (
    <p className="text-sm text-soft">
      This conversation is longer than the model can read: it was not shown the {count} oldest messages.
    </p>
  );
}

function Ending({ message: { state, error } }: { message: Message }) {
  switch (state) {
    case "running":
      return <p className="text-soft">This answer is still being written.</p>;
    case "cancelled":
      return <p className="text-sm text-soft">Stopped.</p>;
    case "failed":
    case "interrupted":
      return <Notice>{error ? sentence(error) : "This answer was not completed."}</Notice>;
    default:
      return null;
  }
}

function Actions({ message, conversation, manner, quiet }: Omit<MessageProps, "last">) {
  return (
    <footer className="actions -ml-2 flex min-h-9 flex-wrap items-center gap-0.5">
      <Branches message={message} conversation={conversation} disabled={quiet} />
      {message.content && <CopyButton text={message.content} label="Copy answer" />}
      {message.state !== "running" && (
        <button
          type="button"
          className="icon-button"
          aria-label="Answer again"
          title="Answer again"
          disabled={quiet || !manner}
          onClick={() => {
            if (manner) {
              conversation.answerAgain(message, manner);
              toQuestion();
            }
          }}
        >
          <Icon name="repeat" size={17} />
        </button>
      )}
      <AnswerFacts usage={message.usage} timings={message.timings} reason={message.finish_reason} />
    </footer>
  );
}

function Name({ model }: { model: string | null | undefined }) {
  return (
    <h2 className="text-sm text-soft">
      <span className="sr-only">Assistant, </span>
      {model ?? "Assistant"}
    </h2>
  );
}
