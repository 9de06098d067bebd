"use client";

import { useEffect, useEffectEvent } from "react";
import { type Shortcut, shortcutOf } from "./shortcuts";

/** Does what `actions` say when its keys are pressed, wherever the focus is. */
export function useShortcuts(actions: Record<Shortcut, () => void>): void {
  const act = useEffectEvent((event: KeyboardEvent) => {
    const shortcut = shortcutOf(event);
    if (shortcut && !event.isComposing) {
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
