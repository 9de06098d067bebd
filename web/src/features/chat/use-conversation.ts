"use client";

import { useSearchParams } from "next/navigation";
import { useEffect, useSyncExternalStore } from "react";
import { noteChat } from "@/lib/last-chat";
import type { Conversation } from "./model/conversation";
import { conversations } from "./model/conversations";
import type { View } from "./model/views";

export interface Shown {
  conversation: Conversation;
  view: View;
  /** A message that a search led to. */
  message: string | undefined;
}

/** The conversation that the address names, or one that has not begun. */
export function useConversation(): Shown {
  const parameters = useSearchParams();
  const id = parameters.get("id") ?? undefined;
  const message = parameters.get("message") ?? undefined;
  const conversation = id === undefined ? conversations.draft() : conversations.get(id);
  const view = useSyncExternalStore(conversation.subscribe, conversation.view, conversation.view);

  useEffect(() => noteChat(view.id), [view.id]);

  useEffect(() => {
    if (id === undefined && view.id !== undefined) {
      // It has begun: from now on its address leads back to it.
      history.replaceState(null, "", `/chat?id=${view.id}`);
    }
  }, [id, view.id]);

  useEffect(() => {
    if (message !== undefined) {
      conversation.open({ through: message }).catch(() => undefined);
    }
  }, [conversation, message]);

  useEffect(() => {
    const look = () => {
      if (document.visibilityState === "visible") {
        conversation.refresh().catch(() => undefined);
      }
    };
    // It may have been shown before, and gone on since.
    look();
    document.addEventListener("visibilitychange", look);
    addEventListener("online", look);
    return () => {
      document.removeEventListener("visibilitychange", look);
      removeEventListener("online", look);
    };
  }, [conversation]);

  return { conversation, view, message };
}
