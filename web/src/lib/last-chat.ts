/** Which conversation was shown last, for the way back from other pages. It is forgotten with the page. */
import type { Route } from "next";

let address: Route = "/chat";

export function lastChat(): Route {
  return address;
}

/** `id` is shown now; undefined: one that has not begun. */
export function noteChat(id: string | undefined): void {
  address = id === undefined ? "/chat" : `/chat?id=${id}`;
}
