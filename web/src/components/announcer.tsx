"use client";

import { useSyncExternalStore } from "react";

let said = "";
const listeners = new Set<() => void>();

// More than a few minutes of speech helps nobody; the text itself is on the page.
const LONGEST = 4_000;

/** Has screen readers say something, once, when they have said what they are saying. */
export function announce(text: string): void {
  const next = text.slice(0, LONGEST);
  // The same words twice are said twice only if something changes.
  said = said === next && next !== "" ? `${next}\u00a0` : next;
  for (const listener of listeners) {
    listener();
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function Announcer() {
  const text = useSyncExternalStore(
    subscribe,
    () => said,
    () => "",
  );
  return (
    <div className="sr-only" aria-live="polite" aria-atomic="true" data-testid="announcer">
      {text}
    </div>
  );
}
