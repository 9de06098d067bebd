"use client";

import { Icon } from "@/components/icons";
import { toast } from "@/components/toasts";
import { words } from "@/lib/api/errors";
import type { Message } from "@/lib/api/types";
import { toButton } from "../focus";
import type { Conversation } from "../model/conversation";

/** Leads to what else was asked, or answered, in the same place. */
export function Branches({
  message,
  conversation,
  disabled,
}: {
  message: Message;
  conversation: Conversation;
  disabled: boolean;
}) {
  const siblings = message.siblings ?? [];
  const at = siblings.indexOf(message.id);
  if (siblings.length < 2 || at < 0) {
    return null;
  }
  const what = message.role === "user" ? "question" : "answer";
  const go = (id: string | undefined, label: string) =>
    id &&
    conversation
      .open({ through: id })
      .then(() => toButton(id, label))
      .catch((error: unknown) => toast(words(error)));
  const [previous, next] = [`Previous ${what}`, `Next ${what}`];
  return (
    <fieldset className="flex items-center" aria-label={`Versions of this ${what}`}>
      <button
        type="button"
        className="icon-button"
        aria-label={previous}
        disabled={disabled || at === 0}
        onClick={() => go(siblings[at - 1], previous)}
      >
        <Icon name="back" size={16} />
      </button>
      <span className="text-sm text-soft tabular-nums">
        {at + 1} / {siblings.length}
      </span>
      <button
        type="button"
        className="icon-button"
        aria-label={next}
        disabled={disabled || at === siblings.length - 1}
        onClick={() => go(siblings[at + 1], next)}
      >
        <Icon name="forward" size={16} />
      </button>
    </fieldset>
  );
}
