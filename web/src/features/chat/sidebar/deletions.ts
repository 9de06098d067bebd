/** Conversations are deleted a moment after they disappear, so that it can be taken back. */
import { TOAST_MILLISECONDS, toast } from "@/components/toasts";
import { baseUrl } from "@/lib/api/base";
import { api, result } from "@/lib/api/client";
import { ApiError, words } from "@/lib/api/errors";
import type { Conversation } from "@/lib/api/types";
import { askAnew } from "@/lib/queries";
import { session } from "@/lib/session/browser";
import { conversations } from "../model/conversations";
import { changeLists } from "./requests";

/** How to take each back. */
const waiting = new Map<string, () => void>();
const timers = new Map<string, ReturnType<typeof setTimeout>>();

/** Whether it is about to be deleted; lists leave it out, also when they are loaded again meanwhile. */
export function isDeleted(id: string): boolean {
  return waiting.has(id);
}

/**
 * Deletes a conversation, unless that is taken back in the next seconds. Where the focus goes with it, it is `focused`
 * on the way to do that.
 */
export function deleteSoon({ id, title }: Conversation, { focused = false } = {}): void {
  timers.set(
    id,
    setTimeout(() => void deleteNow(id), TOAST_MILLISECONDS + 500),
  );
  const takeBack = changeLists((items) => items.filter((each) => each.id !== id));
  waiting.set(id, () => {
    clearTimeout(timers.get(id));
    waiting.delete(id);
    takeBack();
    void askAnew(["conversations"]);
  });
  toast(`“${title || "New conversation"}” was deleted.`, waiting.get(id), focused);
}

/** Deletes what is waiting to be; whoever signs out cannot do it later. */
export async function deleteWaiting(): Promise<void> {
  await Promise.all(Array.from(waiting.keys(), deleteNow));
}

async function deleteNow(id: string): Promise<void> {
  clearTimeout(timers.get(id));
  try {
    await result(
      api.DELETE("/v1/conversations/{conversation_id}", { params: { path: { conversation_id: id } } }),
    );
    waiting.delete(id);
    conversations.forget(id);
    conversations.tell(id);
  } catch (error) {
    const gone = error instanceof ApiError && error.status === 404;
    waiting.get(id)?.();
    if (!gone) {
      toast(words(error));
    }
  }
}

/** Whoever leaves the page does not take it back any more. */
export function deleteOnLeaving(): () => void {
  const leave = () => {
    for (const id of waiting.keys()) {
      void fetch(`${baseUrl}/v1/conversations/${id}`, {
        method: "DELETE",
        headers: { Authorization: `Bearer ${session.present()}` },
        keepalive: true,
      });
    }
  };
  addEventListener("pagehide", leave);
  return () => removeEventListener("pagehide", leave);
}
