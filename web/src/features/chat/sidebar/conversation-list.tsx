"use client";

import { useEffect, useRef } from "react";
import { Notice } from "@/components/notice";
import { words } from "@/lib/api/errors";
import { ConversationItem } from "./conversation-item";
import { isDeleted } from "./deletions";
import { grouped } from "./groups";
import { useConversationList } from "./requests";

/** All conversations, the newest activity first; more are loaded as the end comes near. */
export function ConversationList({
  archived,
  current,
  running,
  onChoose,
}: {
  archived: boolean;
  current: string | undefined;
  running: ReadonlySet<string>;
  onChoose: () => void;
}) {
  const {
    data,
    error,
    isPending,
    hasNextPage,
    isFetchingNextPage,
    isFetchNextPageError,
    fetchNextPage,
    refetch,
  } = useConversationList(archived);
  const end = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const observer = new IntersectionObserver(
      // Several may be told of at once, and only the last is still true.
      (entries) => entries.at(-1)?.isIntersecting && void fetchNextPage(),
      { root: end.current?.closest("[data-scrolls]") ?? null, rootMargin: "400px" },
    );
    if (end.current && hasNextPage && !isFetchingNextPage && !isFetchNextPageError) {
      observer.observe(end.current);
    }
    return () => observer.disconnect();
  }, [hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage]);

  if (isPending) {
    return <Skeleton />;
  }
  if (error && !data) {
    return (
      <Notice
        action={
          <button type="button" className="button" onClick={() => void refetch()}>
            Try again
          </button>
        }
      >
        {words(error)}
      </Notice>
    );
  }
  const items = (data?.pages ?? []).flatMap((page) => page.items).filter(({ id }) => !isDeleted(id));
  if (items.length === 0) {
    return (
      <p className="px-3 py-2 text-soft">
        {archived ? "Nothing is archived." : "What you ask will be kept here."}
      </p>
    );
  }
  return (
    <>
      {grouped(items, new Date()).map((group) => (
        <section key={group.name} aria-label={group.name} className="mb-4">
          <h3 className="px-3 pb-1 text-sm text-soft">{group.name}</h3>
          <ul>
            {group.items.map((item) => (
              <li key={item.id}>
                <ConversationItem
                  conversation={item}
                  current={item.id === current}
                  running={running.has(item.id)}
                  onChoose={onChoose}
                />
              </li>
            ))}
          </ul>
        </section>
      ))}
      <div ref={end} className="h-px" />
      {isFetchingNextPage && <p className="px-3 text-sm text-soft">Loading…</p>}
      {isFetchNextPageError && !isFetchingNextPage && (
        <button type="button" className="min-h-9 px-3 text-sm underline" onClick={() => void fetchNextPage()}>
          Earlier ones could not be loaded. Try again
        </button>
      )}
    </>
  );
}

function Skeleton() {
  return (
    <div aria-hidden="true" className="grid animate-pulse gap-3 px-3 py-2">
      {["w-4/5", "w-3/5", "w-11/12", "w-2/3"].map((width) => (
        <div key={width} className={`h-4 rounded-sm bg-line ${width}`} />
      ))}
    </div>
  );
}
