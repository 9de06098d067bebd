"use client";

import { memo, useEffect, useRef, useState } from "react";
import { Icon } from "@/components/icons";
import { Menu } from "@/components/menu";
import { PageLink } from "@/components/page-link";
import type { Conversation } from "@/lib/api/types";
import { useGoTo } from "@/lib/navigation";
import { deleteSoon } from "./deletions";
import { exportConversation, useChange } from "./requests";

/** A conversation in the list, and what can be done with it. One that did not change is not drawn again. */
export const ConversationItem = memo(function ConversationItem({
  conversation,
  current,
  running,
  onChoose,
}: {
  conversation: Conversation;
  current: boolean;
  running: boolean;
  onChoose: () => void;
}) {
  const [renaming, setRenaming] = useState(false);
  const goTo = useGoTo();
  const change = useChange();
  const { id, archived_at } = conversation;
  const title = conversation.title || "New conversation";
  const entry = useRef<HTMLDivElement>(null);
  const goBack = useRef(false);

  useEffect(() => {
    if (!renaming && goBack.current) {
      goBack.current = false;
      entry.current?.querySelector("a")?.focus();
    }
  }, [renaming]);

  if (renaming) {
    return (
      <TitleField
        title={conversation.title}
        onDone={(changed, byKey) => {
          setRenaming(false);
          goBack.current = byKey;
          if (changed && changed !== conversation.title) {
            change.mutate({ id, title: changed });
          }
        }}
      />
    );
  }
  return (
    <div
      ref={entry}
      className={`group flex items-center rounded-md ${current ? "bg-wash" : "hover:bg-wash"}`}
    >
      <PageLink
        href={`/chat?id=${id}`}
        aria-current={current ? "page" : undefined}
        onClick={onChoose}
        className="flex min-h-10 min-w-0 flex-1 items-center gap-2 rounded-md px-3 focus-visible:outline-offset-[-2px]"
      >
        <span className="truncate">{title}</span>
        {running && (
          <span
            className="ml-auto size-2 flex-none animate-pulse rounded-full bg-deep"
            title="Being answered"
          />
        )}
      </PageLink>
      <Menu
        label={`More for ${title}`}
        align="end"
        className="icon-button pointer-fine:opacity-0 pointer-fine:focus-visible:opacity-100 pointer-fine:group-focus-within:opacity-100 pointer-fine:group-hover:opacity-100 pointer-fine:aria-expanded:opacity-100"
        choices={[
          { label: "Rename", icon: "edit", onChoose: () => setRenaming(true) },
          {
            label: archived_at ? "Bring back" : "Archive",
            icon: "archive",
            onChoose: () => change.mutate({ id, archived: !archived_at }),
          },
          {
            label: "Save as Markdown",
            icon: "download",
            onChoose: () => void exportConversation(conversation, "markdown"),
          },
          {
            label: "Save as JSON",
            icon: "download",
            onChoose: () => void exportConversation(conversation, "json"),
          },
          {
            label: "Delete",
            icon: "trash",
            bad: true,
            onChoose: () => {
              deleteSoon(conversation, { focused: true });
              if (current) {
                goTo("/chat");
              }
            },
          },
        ]}
      >
        <Icon name="more" />
      </Menu>
    </div>
  );
});

function TitleField({
  title,
  onDone,
}: {
  title: string;
  /** Without a title nothing changes; `byKey`: nothing else has been given the focus. */
  onDone: (title: string | undefined, byKey: boolean) => void;
}) {
  const entered = useRef(false);
  return (
    <input
      // biome-ignore lint/a11y/noAutofocus: it takes the place of the entry that was chosen to be renamed
      autoFocus
      aria-label="Title"
      defaultValue={title}
      maxLength={200}
      className="field min-h-10 py-1"
      onFocus={(event) => event.target.select()}
      onBlur={(event) => onDone(event.target.value.trim(), entered.current)}
      onKeyDown={(event) => {
        if (event.key === "Enter" && !event.nativeEvent.isComposing) {
          entered.current = true;
          event.currentTarget.blur();
        } else if (event.key === "Escape") {
          event.stopPropagation();
          onDone(undefined, true);
        }
      }}
    />
  );
}
