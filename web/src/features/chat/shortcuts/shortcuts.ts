/** What keys do, anywhere in the chat. They are those that people know from other chats. */

export const SHORTCUTS = {
  "new": { keys: "Ctrl+Shift+O", does: "New conversation" },
  search: { keys: "Ctrl+K", does: "Search" },
  composer: { keys: "Shift+Esc", does: "To the question" },
  sidebar: { keys: "Ctrl+Shift+S", does: "Show or hide the conversations" },
  copyAnswer: { keys: "Ctrl+Shift+C", does: "Copy the last answer" },
  copyCode: { keys: "Ctrl+Shift+;", does: "Copy the last code" },
  remove: { keys: "Ctrl+Shift+Backspace", does: "Delete the conversation" },
  model: { keys: "Ctrl+Shift+M", does: "Choose a model" },
  help: { keys: "Ctrl+/", does: "These shortcuts" },
} as const;

export type Shortcut = keyof typeof SHORTCUTS;

/** Keys that the composer itself knows; they are named with the others. */
export const COMPOSER_KEYS = [
  { keys: "Enter", does: "Ask" },
  { keys: "Shift+Enter", does: "New line" },
  { keys: "Esc", does: "Stop the answer" },
  { keys: "↑", does: "Edit the last question, when nothing is typed" },
] as const;

/** Returns what a key is for; on a Mac the command key counts as Ctrl. */
export function shortcutOf(
  event: Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">,
): Shortcut | undefined {
  if (event.altKey) {
    return undefined;
  }
  const pressed = [
    (event.ctrlKey || event.metaKey) && "Ctrl",
    event.shiftKey && nameOf(event) !== "/" && "Shift",
    nameOf(event),
  ]
    .filter(Boolean)
    .join("+");
  return (Object.keys(SHORTCUTS) as Shortcut[]).find((name) => SHORTCUTS[name].keys === pressed);
}

function nameOf({ key, code }: Pick<KeyboardEvent, "key" | "code">): string {
  // With Shift some keyboards make another character of a key.
  if (code === "Semicolon") {
    return ";";
  }
  if (code === "Slash" || key === "/") {
    return "/";
  }
  return key === "Escape" ? "Esc" : key.length === 1 ? key.toUpperCase() : key;
}
