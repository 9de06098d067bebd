"use client";

import { useSyncExternalStore } from "react";
import { Countdown, Notice } from "@/components/notice";
import { ApiError, words } from "@/lib/api/errors";
import { toQuestion } from "../focus";
import type { Conversation } from "../model/conversation";
import type { Manner, Pending } from "../model/views";
import { Progress } from "./progress";
import { QuestionText } from "./question-view";

/** A question on its way, or one that was refused. */
export function PendingView({
  pending,
  conversation,
  manner,
  onTakeBack,
}: {
  pending: Pending;
  conversation: Conversation;
  manner: Manner | undefined;
  onTakeBack: () => void;
}) {
  const { live, question, failure } = pending;
  const { answer, connected } = useSyncExternalStore(live.subscribe, live.state, live.state);
  const wait = failure instanceof ApiError ? failure.retryAfter : undefined;
  return (
    <div className="grid gap-10">
      {question && <QuestionText question={question} />}
      {failure === undefined ? (
        <Progress answer={answer} connected={connected} />
      ) : (
        <Notice
          action={
            <>
              <button type="button" className="button" onClick={onTakeBack}>
                {question ? "Take back" : "Leave it"}
              </button>
              <button
                type="button"
                className="button"
                onClick={() => {
                  conversation.retry(manner);
                  toQuestion();
                }}
              >
                Try again
              </button>
            </>
          }
        >
          {words(failure)}
          {wait !== undefined && (
            <>
              {" "}
              Asking again in <Countdown seconds={wait} onEnd={() => conversation.retry(manner)} />.
            </>
          )}
        </Notice>
      )}
    </div>
  );
}
