"use client";

import { useEffect, useEffectEvent, useRef, useSyncExternalStore } from "react";
import { Icon } from "./icons";

interface Toast {
  id: number;
  text: string;
  /** Takes back what happened, as long as this is to be seen. */
  undo?: (() => void) | undefined;
  /** What had the focus is gone, and taking it back has to be in reach. */
  focused: boolean;
}

let toasts: readonly Toast[] = [];
let count = 0;
const listeners = new Set<() => void>();
const NONE: readonly Toast[] = [];

export const TOAST_MILLISECONDS = 6_000;

/** Says something in passing; with `focused` the way to take it back has the focus. */
export function toast(text: string, undo?: () => void, focused = false): void {
  count += 1;
  set([...toasts.slice(-2), { id: count, text, undo, focused }]);
}

function dismiss(id: number): void {
  set(toasts.filter((each) => each.id !== id));
}

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) {
    listener();
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function Toasts() {
  const shown = useSyncExternalStore(
    subscribe,
    () => toasts,
    () => NONE,
  );
  return (
    <section
      aria-label="Notifications"
      className="pointer-events-none fixed inset-x-0 bottom-36 z-20 flex flex-col items-center gap-2 px-4"
    >
      {shown.map((each) => (
        <ToastView key={each.id} toast={each} />
      ))}
    </section>
  );
}

function ToastView({ toast: { id, text, undo, focused } }: { toast: Toast }) {
  const back = useRef<HTMLButtonElement>(null);
  const leave = useEffectEvent(() => dismiss(id));

  useEffect(() => {
    const timer = setTimeout(leave, TOAST_MILLISECONDS);
    return () => clearTimeout(timer);
  }, []);

  useEffect(() => {
    if (focused) {
      back.current?.focus();
    }
  }, [focused]);

  return (
    <div
      role="status"
      className="pointer-events-auto flex max-w-md items-center gap-3 rounded-md bg-ink py-1.5 pr-1.5 pl-4 text-page shadow-xl"
    >
      <span className="py-1.5">{text}</span>
      {undo && (
        <button
          ref={back}
          type="button"
          className="min-h-9 rounded-sm px-3 font-semibold underline underline-offset-4 focus-visible:outline-page"
          onClick={() => {
            dismiss(id);
            undo();
          }}
        >
          Undo
        </button>
      )}
      <button
        type="button"
        aria-label="Dismiss"
        className="grid size-9 place-items-center rounded-sm focus-visible:outline-page"
        onClick={() => dismiss(id)}
      >
        <Icon name="close" size={16} />
      </button>
    </div>
  );
}
