/** The session of this browser. */
import { baseUrl } from "@/lib/api/base";
import { keep, recall } from "@/lib/storage";
import { Session, type Word } from "./session";

const LOCK = "deeper-session";
// That there is a session, and nothing of it.
const KEPT = "signed-in";

function inBrowser(): Session {
  const channel = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel(LOCK);
  return new Session({
    fetch: (path, init) => fetch(`${baseUrl}${path}`, { ...init, credentials: "include", cache: "no-store" }),
    // Pages of an address without TLS have no locks. They have no refresh cookie either.
    exclusively: (task) => (globalThis.navigator?.locks ? navigator.locks.request(LOCK, task) : task()),
    tell: (word) => channel?.postMessage(word),
    hear: (listener) => {
      channel?.addEventListener("message", (event: MessageEvent<Word>) => listener(event.data));
    },
    now: () => Date.now(),
    pause: (milliseconds) => new Promise((done) => setTimeout(done, milliseconds)),
    recall: () => recall(KEPT) !== null,
    remember: (signedIn) => keep(KEPT, signedIn ? "yes" : null),
    startOver: () => location.reload(),
  });
}

export const session = inBrowser();
