import type { KeyboardEvent } from "react";

/** Whether a key sends. On touch screens Enter makes a new line, and while a word is being composed it takes it. */
export function isSend(event: KeyboardEvent<HTMLTextAreaElement>): boolean {
  return (
    event.key === "Enter" &&
    !event.shiftKey &&
    !event.nativeEvent.isComposing &&
    // Safari ends a composition before it tells of the key that ended it.
    event.keyCode !== 229 &&
    !matchMedia("(pointer: coarse)").matches
  );
}

/** Makes a field as high as its text, where the browser does not; how high it may become, its style says. */
export function grow(area: HTMLTextAreaElement): void {
  if (CSS.supports("field-sizing", "content")) {
    return;
  }
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight + 2}px`;
}
