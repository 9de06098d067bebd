"use client";

import { useEffect, useLayoutEffect, useRef } from "react";
import { Icon } from "@/components/icons";
import { Notice } from "@/components/notice";
import { words } from "@/lib/api/errors";
import type { Conversation } from "../model/conversation";
import type { Manner, View } from "../model/views";
import { MessageView } from "./message-view";
import { PendingView } from "./pending-view";
import { useStickToBottom } from "./use-stick-to-bottom";

/** The messages of a conversation, the newest at the end. */
export function TranscriptView({
  conversation,
  view,
  manner,
  sought,
  onTakeBack,
}: {
  conversation: Conversation;
  view: View;
  manner: Manner | undefined;
  sought: string | undefined;
  onTakeBack: () => void;
}) {
  const { viewport, content, atEnd, toEnd, letGo } = useStickToBottom();
  const { transcript, pending } = view;

  // Whoever asks wants to see the answer.
  useEffect(() => {
    if (pending) {
      toEnd();
    }
  }, [pending, toEnd]);

  useSought(sought, conversation, view, letGo);
  useKeptPlace(viewport, transcript.messages[0]?.id);

  return (
    <div className="relative min-h-0 flex-1">
      <div
        ref={viewport}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
        tabIndex={0}
        className="h-full overflow-y-auto overscroll-contain [overflow-anchor:none] focus-visible:outline-offset-[-2px]"
      >
        <div
          ref={content}
          role="log"
          aria-label="Conversation"
          aria-live="off"
          className="column grid min-w-0 grid-cols-[minmax(0,1fr)] gap-4 py-8"
        >
          {transcript.older !== null && (
            <Older conversation={conversation} loading={view.loadingOlder} failed={view.olderFailed} />
          )}
          {transcript.messages.map((message, index) => (
            <MessageView
              key={message.id}
              message={message}
              live={conversation.live(message)}
              conversation={conversation}
              manner={manner}
              quiet={view.pending !== undefined}
              last={index === transcript.messages.length - 1}
            />
          ))}
          {pending && (
            <PendingView
              pending={pending}
              conversation={conversation}
              manner={manner}
              onTakeBack={onTakeBack}
            />
          )}
          {view.error !== undefined && view.status === "ready" && (
            <Notice
              action={
                <button type="button" className="button" onClick={() => void conversation.open()}>
                  Load again
                </button>
              }
            >
              {words(view.error)} The answer goes on at the server.
            </Notice>
          )}
        </div>
      </div>
      {!atEnd && (
        <button
          type="button"
          onClick={toEnd}
          className="button -translate-x-1/2 absolute bottom-3 left-1/2 min-h-9 rounded-full shadow-lg"
        >
          <Icon name="down" size={16} />
          To the end
        </button>
      )}
    </div>
  );
}

/** Loads what is older when the beginning comes into sight. What failed is tried again by whoever reads. */
function Older({
  conversation,
  loading,
  failed,
}: {
  conversation: Conversation;
  loading: boolean;
  failed: boolean;
}) {
  const mark = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const observer = new IntersectionObserver(
      ([entry]) => entry?.isIntersecting && void conversation.loadOlder(),
      { rootMargin: "600px" },
    );
    if (mark.current && !loading && !failed) {
      observer.observe(mark.current);
    }
    return () => observer.disconnect();
  }, [conversation, loading, failed]);

  return (
    <div ref={mark} className="text-center text-sm text-soft">
      {loading ? (
        "Loading…"
      ) : (
        <button
          type="button"
          className="min-h-9 px-3 underline"
          onClick={() => void conversation.loadOlder()}
        >
          {failed ? "Earlier messages could not be loaded. Try again" : "Earlier messages"}
        </button>
      )}
    </div>
  );
}

/** What is read stays where it is when older messages come in above it. */
function useKeptPlace(viewport: { current: HTMLElement | null }, first: string | undefined): void {
  const before = useRef({ first, height: 0, top: 0 });

  useLayoutEffect(() => {
    const box = viewport.current;
    const { first: known, height, top } = before.current;
    if (box && known !== undefined && known !== first && height > 0) {
      const still = document.getElementById(`message-${known}`);
      if (still) {
        box.scrollTop = top + box.scrollHeight - height;
      }
    }
  }, [viewport, first]);

  // After each picture, what the next change starts from.
  useEffect(() => {
    const box = viewport.current;
    if (!box) {
      return;
    }
    const note = () => {
      before.current = { first, height: box.scrollHeight, top: box.scrollTop };
    };
    note();
    box.addEventListener("scroll", note, { passive: true });
    return () => box.removeEventListener("scroll", note);
  });
}

/** Brings the message that a search led to into sight, once, as far above as it may be. */
function useSought(
  sought: string | undefined,
  conversation: Conversation,
  view: View,
  letGo: () => void,
): void {
  const done = useRef<string>(undefined);

  useEffect(() => {
    if (sought === undefined || view.status !== "ready" || done.current === sought) {
      return;
    }
    const found = document.getElementById(`message-${sought}`);
    if (found) {
      done.current = sought;
      letGo();
      found.scrollIntoView({ block: "start" });
      found.focus({ preventScroll: true });
    } else if (!view.olderFailed) {
      void conversation.loadOlder();
    }
  }, [sought, conversation, view, letGo]);
}
