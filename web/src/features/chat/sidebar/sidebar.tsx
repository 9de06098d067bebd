"use client";

import { useState } from "react";
import { Icon, Mark } from "@/components/icons";
import { PageLink } from "@/components/page-link";
import { useMe } from "@/lib/session/use-session";
import { AccountMenu } from "./account-menu";
import { ConversationList } from "./conversation-list";
import { useRunning } from "./use-running";

/** The conversations, and the ways to everything else. */
export function Sidebar({
  current,
  onSearch,
  onShortcuts,
  onNew,
  onChoose,
}: {
  current: string | undefined;
  onSearch: () => void;
  onShortcuts: () => void;
  onNew: () => void;
  onChoose: () => void;
}) {
  const [archived, setArchived] = useState(false);
  const running = useRunning();
  const { data: me } = useMe();
  return (
    <nav aria-label="Conversations" className="flex h-full min-h-0 flex-col bg-panel">
      <div className="grid gap-1 p-3">
        <PageLink
          href="/chat"
          onClick={onNew}
          className="flex min-h-10 items-center gap-2.5 rounded-md px-3 font-semibold text-deep"
        >
          <Mark />
          DeeperSensor
        </PageLink>
        <button
          type="button"
          onClick={onNew}
          className="flex min-h-10 items-center gap-2.5 rounded-md px-3 hover:bg-wash"
        >
          <Icon name="plus" />
          New conversation
        </button>
        <button
          type="button"
          onClick={onSearch}
          className="flex min-h-10 items-center gap-2.5 rounded-md px-3 hover:bg-wash"
        >
          <Icon name="search" />
          Search
        </button>
        <button
          type="button"
          aria-pressed={archived}
          onClick={() => setArchived(!archived)}
          className="flex min-h-10 items-center gap-2.5 rounded-md px-3 hover:bg-wash"
        >
          <Icon name={archived ? "back" : "archive"} />
          {archived ? "Back from the archive" : "Archive"}
        </button>
      </div>
      <div data-scrolls="" className="min-h-0 flex-1 overflow-y-auto overscroll-contain px-3 pt-2">
        <h2 className="sr-only">{archived ? "Archived conversations" : "Your conversations"}</h2>
        <ConversationList archived={archived} current={current} running={running} onChoose={onChoose} />
      </div>
      <div className="border-line border-t p-2 pb-[max(0.5rem,env(safe-area-inset-bottom))]">
        <AccountMenu me={me} onShortcuts={onShortcuts} />
      </div>
    </nav>
  );
}
