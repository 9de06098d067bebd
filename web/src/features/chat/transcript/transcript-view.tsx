"use client";

import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Icon } from "@/components/icons";
import { Notice } from "@/components/notice";
import { words } from "@/lib/api/errors";
import type { Conversation } from "../model/conversation";
import type { Manner, View } from "../model/views";
import { MessageView } from "./message-view";
import { PendingView } from "./pending-view";
import { PortionView } from "./portion-view";
import { portions } from "./portions";
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
  const [put] = useState(() => portions());

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
        className="h-full overflow-y-auto overscroll-contain focus-visible:outline-offset-[-2px]"
      >
        <div
          ref={content}
          role="log"
          aria-label="Conversation"
          aria-live="off"
          className="column grid min-w-0 grid-cols-[minmax(0,1fr)] gap-4 py-8"
        >
          {transcript.older !== null && (
            <Older
              conversation={conversation}
              viewport={viewport}
              first={transcript.messages[0]?.id}
              loading={view.loadingOlder}
              failed={view.olderFailed}
            />
          )}
          {put(transcript.messages).map(({ key, messages }) => (
            <PortionView key={key}>
              {messages.map((message) => (
                <MessageView
                  key={message.id}
                  message={message}
                  live={conversation.live(message)}
                  conversation={conversation}
                  manner={manner}
                  quiet={view.pending !== undefined}
                  last={message === transcript.messages.at(-1)}
                />
              ))}
            </PortionView>
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
  viewport,
  first,
  loading,
  failed,
}: {
  conversation: Conversation;
  viewport: RefObject<HTMLElement | null>;
  /** The oldest message that is there. */
  first: string | undefined;
  loading: boolean;
  failed: boolean;
}) {
  const mark = useRef<HTMLDivElement>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: an observer says nothing of what stays in sight, so each page has its own
  useEffect(() => {
    const observer = new IntersectionObserver(
      // Several may be told of at once, and only the last is still true.
      (entries) => entries.at(-1)?.isIntersecting && void conversation.loadOlder(),
      { root: viewport.current, rootMargin: "600px" },
    );
    if (mark.current && !loading && !failed) {
      observer.observe(mark.current);
    }
    return () => observer.disconnect();
  }, [conversation, viewport, first, loading, failed]);

  // The browser keeps something that is in sight in its place, and this is not it: what comes, comes below it.
  return (
    <div ref={mark} className="text-center text-sm text-soft [overflow-anchor:none]">
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

/**
 * What is read stays where it is when older messages come in above it. Browsers see to that themselves, but not at the
 * very beginning, and not all of them.
 */
function useKeptPlace(viewport: RefObject<HTMLElement | null>, first: string | undefined): void {
  const before = useRef<{ first: string | undefined; top: number }>({ first, top: 0 });

  useLayoutEffect(() => {
    const { first: known, top } = before.current;
    const still = known !== first && document.getElementById(`message-${known}`);
    const box = viewport.current;
    if (box && still && !(box.scrollTop > 0 && CSS.supports("overflow-anchor", "auto"))) {
      box.scrollTop += still.getBoundingClientRect().top - top;
    }
  }, [viewport, first]);

  // After each picture, what the next change starts from.
  useEffect(() => {
    const box = viewport.current;
    if (!box) {
      return;
    }
    const note = () => {
      const top = document.getElementById(`message-${first}`)?.getBoundingClientRect().top ?? 0;
      before.current = { first, top };
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
