/** The conversations of this tab, and the word that goes between tabs. */
import { announce } from "@/components/announcer";
import { noteChat } from "@/lib/last-chat";
import { askAnew } from "@/lib/queries";
import { session } from "@/lib/session/browser";
import type { Answer } from "@/lib/stream/answers";
import { Conversation } from "./conversation";
import { cancel, fetchPath, generationSource, questionSource } from "./requests";

const CHANNEL = "deeper-chat";
// As many stay loaded; those that were shown longest ago are loaded again when they are opened.
const MOST_KNOWN = 12;

class Conversations {
  #draft: Conversation | undefined;
  readonly #known = new Map<string, Conversation>();
  readonly #channel = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel(CHANNEL);

  constructor() {
    session.subscribe(() => session.state() === "out" && this.#reset());
    this.#channel?.addEventListener("message", (event: MessageEvent<string>) => {
      void askAnew(["conversations"]);
      this.#known
        .get(event.data)
        ?.refresh()
        .catch(() => undefined);
    });
  }

  /** What somebody saw is not for who signs in next. */
  #reset(): void {
    for (const conversation of [...this.#known.values(), this.#draft]) {
      conversation?.leave();
    }
    this.#known.clear();
    this.#draft = undefined;
    noteChat(undefined);
  }

  /** The conversation of this name. It is loaded when it is opened. */
  get(id: string): Conversation {
    if (this.#draft?.id === id) {
      this.#known.set(id, this.#draft);
      this.#draft = undefined;
    }
    let conversation = this.#known.get(id);
    if (conversation) {
      this.#known.delete(id);
    } else {
      conversation = new Conversation(this.#services, id);
      void conversation.open();
    }
    // The last is the one that was shown last.
    this.#known.set(id, conversation);
    this.#letGo(conversation);
    return conversation;
  }

  #letGo(shown: Conversation): void {
    const idle = Array.from(this.#known).filter(
      ([, each]) => each !== shown && !each.view().pending && !each.isAnswering(),
    );
    for (const [id] of idle.slice(0, Math.max(0, this.#known.size - MOST_KNOWN))) {
      this.#known.delete(id);
    }
  }

  /** The one that has not begun. It stays the same until its name is asked for, so that no view loses it. */
  draft(): Conversation {
    this.#draft ??= new Conversation(this.#services);
    return this.#draft;
  }

  /** Somebody wants to begin another one. The one that has begun meanwhile has a name by now. */
  beginAnother(): void {
    const id = this.#draft?.id;
    if (id !== undefined) {
      this.get(id);
    }
  }

  /** What answers are being written elsewhere in conversations that this tab shows. */
  noticeRunning(ids: ReadonlySet<string>): void {
    for (const id of ids) {
      const conversation = this.#known.get(id);
      if (conversation && !conversation.isAnswering()) {
        void conversation.refresh().catch(() => undefined);
      }
    }
  }

  /** Says to the other tabs that something changed in a conversation. */
  tell(id: string): void {
    void askAnew(["conversations"]);
    this.#channel?.postMessage(id);
  }

  forget(id: string): void {
    this.#known.delete(id);
  }

  readonly #services = {
    cancel,
    fetchPath,
    generationSource,
    questionSource,
    changed: (id: string) => this.tell(id),
    answered: (answer: Answer) => announce(spoken(answer)),
  };
}

/** What a screen reader is to say of an answer, once, when it is whole. */
function spoken({ content, end }: Answer): string {
  if (end?.kind === "failed") {
    return "The answer was not completed.";
  }
  const text = content.replaceAll(/[`*_#>|]+/g, "");
  return end?.kind === "done" && end.reason === "cancelled" ? `Stopped. ${text}` : `Answer: ${text}`;
}

export const conversations = new Conversations();
