/** What was typed and not sent, kept for each conversation. */
import { keep, recall } from "@/lib/storage";

const BETWEEN = "\n\n";

const name = (account: string | undefined, conversation: string | undefined) =>
  `draft.${account ?? ""}.${conversation ?? "new"}`;

export function recallDraft(account: string | undefined, conversation: string | undefined): string {
  return recall(name(account, conversation)) ?? "";
}

export function keepDraft(account: string | undefined, conversation: string | undefined, text: string): void {
  keep(name(account, conversation), text === "" ? null : text);
}

/** Both texts, one below the other. */
export function joined(first: string, second: string): string {
  return [first, second].filter((text) => text !== "").join(BETWEEN);
}

/** What comes after `first` in a text that was joined; all of it, where it does not begin so. */
export function afterFirst(first: string, text: string): string {
  return first !== "" && text.startsWith(first) ? text.slice(first.length + BETWEEN.length) : text;
}
