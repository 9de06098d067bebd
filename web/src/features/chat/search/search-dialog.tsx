"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, type ReactNode, useDeferredValue, useEffect, useId, useState } from "react";
import { Dialog } from "@/components/dialog";
import { api, result } from "@/lib/api/client";
import { words } from "@/lib/api/errors";
import type { Match } from "@/lib/api/types";
import { useGoTo } from "@/lib/navigation";

/** Finds messages in all conversations by their words. */
export function SearchDialog({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const query = useDeferredValue(text.trim());
  const [chosen, setChosen] = useState(0);
  const goTo = useGoTo();
  const list = useId();
  const { data, error, isFetching } = useQuery({
    queryKey: ["conversations", "search", query],
    queryFn: ({ signal }) => result(api.GET("/v1/search", { params: { query: { q: query } }, signal })),
    enabled: query !== "",
    placeholderData: keepPreviousData,
  });
  const matches = query === "" ? [] : (data?.items ?? []);
  const at = Math.min(chosen, matches.length - 1);

  useEffect(() => {
    document.getElementById(`${list}-${at}`)?.scrollIntoView({ block: "nearest" });
  }, [list, at]);

  function go(match: Match | undefined): void {
    if (match) {
      onClose();
      goTo(`/chat?id=${match.conversation_id}&message=${match.message_id}`);
    }
  }

  function onKeyDown(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && matches.length > 0) {
      event.preventDefault();
      setChosen((at + step + matches.length) % matches.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      go(matches[at]);
    }
  }

  return (
    <Dialog title="Search" onClose={onClose} className="max-w-2xl">
      <input
        type="text"
        role="combobox"
        aria-label="Search all conversations"
        aria-expanded={matches.length > 0}
        aria-controls={list}
        aria-activedescendant={at >= 0 ? `${list}-${at}` : undefined}
        data-first=""
        placeholder="Words, or “a phrase”"
        value={text}
        className="field"
        onChange={(event) => {
          setText(event.target.value);
          setChosen(0);
        }}
        onKeyDown={onKeyDown}
      />
      <p role="status" className="min-h-8 pt-2 text-sm text-soft">
        {status(query, matches.length, isFetching, error)}
      </p>
      <div id={list} role="listbox" aria-label="Messages">
        {matches.map((match, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the keys
          // biome-ignore lint/a11y/useFocusableInteractive: the field keeps the focus
          <div
            key={match.message_id}
            id={`${list}-${index}`}
            role="option"
            aria-selected={index === at}
            onClick={() => go(match)}
            onPointerMove={() => setChosen(index)}
            className={`cursor-pointer rounded-md px-3 py-2.5 ${index === at ? "bg-wash" : ""}`}
          >
            <p className="flex justify-between gap-4">
              <span className="truncate font-medium">{match.conversation_title || "New conversation"}</span>
              <time dateTime={match.created_at} className="flex-none text-sm text-soft">
                {new Date(match.created_at).toLocaleDateString()}
              </time>
            </p>
            <p className="line-clamp-3 break-words text-sm text-soft">
              {marked(match.snippet, match.highlights)}
            </p>
          </div>
        ))}
      </div>
    </Dialog>
  );
}

function status(query: string, count: number, busy: boolean, error: unknown): string {
  if (error) {
    return words(error);
  }
  if (query === "") {
    return "";
  }
  if (count === 0) {
    return busy ? "Searching…" : "Nothing was found.";
  }
  return `${count} ${count === 1 ? "message" : "messages"}`;
}

/** The snippet with what was found made visible; places are counted in code points. */
function marked(snippet: string, highlights: readonly number[][]): ReactNode[] {
  const points = Array.from(snippet);
  const parts: ReactNode[] = [];
  let from = 0;
  for (const [start = 0, end = 0] of highlights) {
    parts.push(points.slice(from, start).join(""));
    parts.push(
      <mark key={start} className="rounded-sm bg-warn-wash font-semibold text-ink">
        {points.slice(start, end).join("")}
      </mark>,
    );
    from = end;
  }
  parts.push(points.slice(from).join(""));
  return parts;
}
