/** What was typed and not sent, kept for each conversation. */
import { keep, recall } from "@/lib/storage";

const name = (account: string | undefined, conversation: string | undefined) =>
  `draft.${account ?? ""}.${conversation ?? "new"}`;

export function recallDraft(account: string | undefined, conversation: string | undefined): string {
  return recall(name(account, conversation)) ?? "";
}

export function keepDraft(account: string | undefined, conversation: string | undefined, text: string): void {
  keep(name(account, conversation), text === "" ? null : text);
}
