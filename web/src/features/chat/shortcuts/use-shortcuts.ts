"use client";

import { useEffect, useEffectEvent } from "react";
import { type Shortcut, shortcutOf } from "./shortcuts";

/** Does what `actions` say when its keys are pressed, wherever the focus is. */
export function useShortcuts(actions: Record<Shortcut, () => void>): void {
  const act = useEffectEvent((event: KeyboardEvent) => {
    const shortcut = shortcutOf(event);
    // What is in front of the page has the keys.
    if (shortcut && !event.isComposing && document.querySelector("dialog[open]") === null) {
      event.preventDefault();
      actions[shortcut]();
    }
  });

  useEffect(() => {
    const listener = (event: KeyboardEvent) => act(event);
    addEventListener("keydown", listener);
    return () => removeEventListener("keydown", listener);
  }, []);
}
