"use client";

import dynamic from "next/dynamic";
import { useCallback, useEffect, useRef, useState } from "react";
import { copy } from "@/components/copy-button";
import { toast } from "@/components/toasts";
import { prepareMarkdown } from "@/features/markdown/lazy-markdown";
import { useGoTo } from "@/lib/navigation";
import { ChatMain } from "./chat-main";
import type { ComposerHandle } from "./composer/composer";
import { conversations } from "./model/conversations";
import { useShortcuts } from "./shortcuts/use-shortcuts";
import { deleteOnLeaving, deleteSoon } from "./sidebar/deletions";
import { Drawer } from "./sidebar/drawer";
import { useConversationTitle } from "./sidebar/requests";
import { Sidebar } from "./sidebar/sidebar";
import { useConversation } from "./use-conversation";

const SearchDialog = dynamic(() => import("./search/search-dialog").then((module) => module.SearchDialog), {
  ssr: false,
});
const ShortcutsDialog = dynamic(
  () => import("./shortcuts/shortcuts-dialog").then((module) => module.ShortcutsDialog),
  { ssr: false },
);

type Open = "search" | "shortcuts" | undefined;

/** The conversations, and the one that is open. */
export default function Chat() {
  const shown = useConversation();
  const { view } = shown;
  const goTo = useGoTo();
  const composer = useRef<ComposerHandle>(null);
  const [open, setOpen] = useState<Open>();
  const [drawer, setDrawer] = useState(false);
  const [sidebar, setSidebar] = useState(true);
  const title = useConversationTitle(view.id);

  useEffect(deleteOnLeaving, []);
  useEffect(() => {
    // When all else is done, so that the first answer finds it there.
    const timer = setTimeout(prepareMarkdown, 1_500);
    return () => clearTimeout(timer);
  }, []);

  const closeDrawer = useCallback(() => setDrawer(false), []);

  function begin(): void {
    setDrawer(false);
    conversations.beginAnother();
    goTo("/chat");
    composer.current?.focus();
  }

  function toggle(): void {
    if (matchMedia("(width < 48rem)").matches) {
      setDrawer(!drawer);
    } else {
      setSidebar(!sidebar);
    }
  }

  useShortcuts({
    new: begin,
    search: () => setOpen("search"),
    composer: () => composer.current?.focus(),
    sidebar: toggle,
    copyAnswer: () =>
      copyLast(
        view.transcript.messages.findLast(({ role, content }) => role === "assistant" && content)?.content,
      ),
    copyCode: () =>
      copyLast(Array.from(document.querySelectorAll("[data-code]")).at(-1)?.textContent ?? undefined),
    remove: () => {
      const { id, transcript } = view;
      const [first] = transcript.messages;
      if (id && first) {
        const { created_at } = first;
        deleteSoon({ id, title: title ?? "", created_at, active_at: created_at });
        goTo("/chat");
      }
    },
    model: () => document.querySelector<HTMLElement>("[data-model-picker]")?.closest("button")?.click(),
    help: () => setOpen("shortcuts"),
  });

  const list = (
    <Sidebar
      current={view.id}
      onSearch={() => {
        setDrawer(false);
        setOpen("search");
      }}
      onShortcuts={() => {
        setDrawer(false);
        setOpen("shortcuts");
      }}
      onNew={begin}
      onChoose={closeDrawer}
    />
  );
  return (
    <div className="flex h-dvh">
      <a
        href="#question"
        className="button button-main sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-30"
      >
        To the question
      </a>
      {sidebar && <div className="hidden w-72 flex-none border-line border-r md:block">{list}</div>}
      {drawer && <Drawer onClose={() => setDrawer(false)}>{list}</Drawer>}
      <ChatMain
        key={shown.conversation.key}
        shown={shown}
        title={title}
        composer={composer}
        onMenu={toggle}
      />
      {open === "search" && <SearchDialog onClose={() => setOpen(undefined)} />}
      {open === "shortcuts" && <ShortcutsDialog onClose={() => setOpen(undefined)} />}
    </div>
  );
}

function copyLast(text: string | undefined): void {
  if (text) {
    void copy(text).then((copied) => toast(copied ? "Copied." : "The browser does not allow copying."));
  }
}
