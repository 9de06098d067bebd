/** A conversation as this tab has it: what was loaded of it, what is being asked, what is being answered. */
import { ApiError, SessionEnded, Unreachable } from "@/lib/api/errors";
import type { ChatBody, Message } from "@/lib/api/types";
import { newKey } from "@/lib/ids";
import type { Answer } from "@/lib/stream/answers";
import { LiveAnswer } from "./live-answer";
import type { Place } from "./requests";
import {
  EMPTY,
  ofPage,
  type Question,
  refreshed,
  type Transcript,
  upTo,
  withAnswer,
  withEnd,
  withOlder,
} from "./transcript";
import type { Manner, Services, View } from "./views";

interface Asking {
  readonly body: Omit<ChatBody, "model" | "think">;
  readonly manner: Manner;
  readonly key: string;
  readonly base: Transcript;
  readonly before: Transcript;
}

export class Conversation {
  /** Tells it from others, before it has a name and after. */
  readonly key = newKey();
  #view: View;
  #asking: Asking | undefined;
  #stopWanted = false;
  // Whether what came last is what is shown, and not a branch that somebody chose.
  #newest = true;
  // Grows with whatever decides anew what is shown; what was asked for before that comes too late.
  #turn = 0;
  // What was answered here last: another branch, of another tab, does not take its place.
  #own: string | undefined;
  readonly #live = new Map<string, LiveAnswer>();
  readonly #listeners = new Set<() => void>();
  readonly #services: Services;

  constructor(services: Services, id?: string) {
    this.#services = services;
    this.#view = {
      id,
      status: id ? "loading" : "empty",
      transcript: EMPTY,
      loadingOlder: false,
      olderFailed: false,
    };
  }

  readonly view = (): View => this.#view;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  get id(): string | undefined {
    return this.#view.id;
  }

  /** The answer with which a message grows, while it does. */
  live(message: Message): LiveAnswer | undefined {
    return message.generation_id ? this.#live.get(message.generation_id) : undefined;
  }

  isAnswering(): boolean {
    return (
      this.#live.size > 0 || (this.#view.pending !== undefined && this.#view.pending.failure === undefined)
    );
  }

  /** Loads the path that `place` names: the newest, unless it says which. */
  async open(place: Place = { leaf: "newest" }): Promise<void> {
    const { id } = this;
    if (id === undefined) {
      return;
    }
    this.#turn += 1;
    const turn = this.#turn;
    try {
      const page = await this.#services.fetchPath(id, place);
      if (turn === this.#turn) {
        // What was asked for while this was on its way belongs to what was shown before.
        this.#turn += 1;
        this.#newest = place.leaf === "newest";
        this.#own = undefined;
        this.#set({ transcript: ofPage(page), status: "ready", error: undefined, olderFailed: false });
        this.#followRunning();
      }
    } catch (error) {
      if (turn !== this.#turn) {
        return;
      }
      const missing = error instanceof ApiError && error.status === 404;
      if (this.#view.status !== "ready" || missing) {
        this.#set({ status: missing ? "missing" : "failed", error });
      } else {
        throw error;
      }
    }
  }

  /** Loads what comes before; if that fails, it is said so, and is for whoever reads to try again. */
  async loadOlder(): Promise<void> {
    const { id, transcript, loadingOlder } = this.#view;
    if (id === undefined || transcript.older === null || loadingOlder) {
      return;
    }
    const [first] = transcript.messages;
    this.#set({ loadingOlder: true, olderFailed: false });
    try {
      const page = await this.#services.fetchPath(id, { leaf: "newest", cursor: transcript.older });
      // Somebody may have chosen another branch meanwhile.
      if (this.#view.transcript.messages[0]?.id === first?.id) {
        this.#set({ transcript: withOlder(this.#view.transcript, page) });
      }
    } catch {
      this.#set({ olderFailed: true });
    } finally {
      this.#set({ loadingOlder: false });
    }
  }

  /** Somebody asked here from elsewhere, or what is known may be old: loads the end again. */
  async refresh(): Promise<void> {
    const { id, status, transcript, pending } = this.#view;
    if (id === undefined || status !== "ready" || pending) {
      return;
    }
    const turn = this.#turn;
    const leaf = transcript.messages.at(-1)?.id;
    let page = await this.#services.fetchPath(id, { leaf: this.#newest || !leaf ? "newest" : leaf });
    if (this.#own !== undefined && !page.items.some((message) => message.id === this.#own)) {
      page = await this.#services.fetchPath(id, { through: this.#own });
    }
    if (turn !== this.#turn) {
      await this.refresh();
    } else {
      this.#set({ transcript: refreshed(this.#view.transcript, page), olderFailed: false });
      this.#followRunning();
    }
  }

  /** Asks after what is shown. */
  ask(question: Question, manner: Manner): void {
    const { transcript } = this.#view;
    this.#put(transcript, question, transcript.messages.at(-1)?.id, manner);
  }

  /** Has what came before an answer answered again. */
  answerAgain(message: Message, manner: Manner): void {
    this.#put(upTo(this.#view.transcript, message.parent_id), undefined, message.parent_id, manner);
  }

  /** Asks something else in place of a question. */
  askInstead(message: Message, question: Question, manner: Manner): void {
    this.#put(upTo(this.#view.transcript, message.parent_id), question, message.parent_id, manner);
  }

  /** Asks again what was refused: as the same question, unless another model is to answer it. */
  retry(manner: Manner | undefined): void {
    const { pending } = this.#view;
    const asking = this.#asking;
    if (pending?.failure !== undefined && asking) {
      const { model, think } = asking.manner;
      if (manner && (manner.model !== model || manner.think !== think)) {
        this.#asking = { ...asking, manner, key: newKey() };
      }
      this.#stopWanted = false;
      void this.#run(pending.question);
    }
  }

  /** Takes back a question that was refused. */
  takeBack(): Question | undefined {
    const { pending } = this.#view;
    pending?.live.leave();
    this.#set({ pending: undefined, transcript: this.#asking?.before ?? this.#view.transcript });
    return pending?.question;
  }

  /**
   * Stops what is being answered; what has come is kept. A question that cannot reach the server is not tried on.
   *
   * @throws ApiError, Unreachable it goes on.
   */
  async stop(): Promise<void> {
    const { pending } = this.#view;
    if (pending) {
      this.#stopWanted = true;
      if (!pending.live.state().connected) {
        pending.live.leave();
        this.#set({ pending: { ...pending, failure: new Unreachable() } });
      }
      return;
    }
    await Promise.all(Array.from(this.#live.keys(), (id) => this.#services.cancel(id)));
  }

  /** Listens to nothing any more. What is being answered goes on. */
  leave(): void {
    this.#view.pending?.live.leave();
    for (const live of this.#live.values()) {
      live.leave();
    }
  }

  #put(
    base: Transcript,
    question: Question | undefined,
    parentId: string | null | undefined,
    manner: Manner,
  ): void {
    const { id, transcript: before } = this.#view;
    const images = question?.images.length ? { images: [...question.images] } : {};
    const body: Asking["body"] = {
      messages: question ? [{ role: "user", content: question.text, ...images }] : [],
      ...(id === undefined ? { store: true } : { conversation_id: id }),
      ...(id !== undefined && parentId !== undefined && { parent_id: parentId }),
      // Whoever closes the page comes back to a whole answer.
      on_disconnect: "continue",
    };
    this.#asking = { body, manner, key: newKey(), base, before };
    this.#stopWanted = false;
    this.#turn += 1;
    this.#newest = true;
    void this.#run(question);
  }

  async #run(question: Question | undefined): Promise<void> {
    const asking = this.#asking as Asking;
    const live = new LiveAnswer();
    this.#set({ status: "ready", transcript: asking.base, pending: { question, live } });
    try {
      const { body, manner, key } = asking;
      await live.run(this.#services.questionSource({ ...body, ...manner } as ChatBody, key), (answer) => {
        this.#begin(asking, question, live, answer);
      });
      await this.#settle(live);
    } catch (error) {
      if (live.answer.generationId !== undefined) {
        await this.#settle(live);
      } else if (this.#view.pending?.live === live && this.#view.pending.failure === undefined) {
        this.#set({ pending: { question, live, failure: error } });
      }
    }
  }

  #begin(asking: Asking, question: Question | undefined, live: LiveAnswer, answer: Answer): void {
    const id = answer.conversationId ?? this.id;
    this.#live.set(answer.generationId ?? "", live);
    this.#own = answer.messageId;
    this.#set({ id, pending: undefined, transcript: withAnswer(asking.base, question, answer) });
    if (id !== undefined) {
      this.#services.changed(id);
    }
    if (this.#stopWanted) {
      void this.stop().catch(() => undefined);
    }
    if (asking.base !== asking.before) {
      // A branch: which others there are, the server knows.
      void this.refresh().catch(() => undefined);
    }
  }

  #followRunning(): void {
    for (const message of this.#view.transcript.messages) {
      const generation = message.generation_id;
      if (message.state === "running" && generation && !this.#live.has(generation)) {
        const live = new LiveAnswer(generation);
        this.#live.set(generation, live);
        void live
          .run(this.#services.generationSource)
          .catch(() => undefined)
          .then(() => this.#settle(live));
      }
    }
  }

  /** An answer has ended, or cannot be listened to any more: what the server has of it is what counts. */
  async #settle(live: LiveAnswer): Promise<void> {
    const { answer } = live;
    if (answer.end) {
      this.#services.answered(answer);
    } else {
      // Its end is with its message, in a moment at the latest.
      await this.#services.generationSource.pause(1_000, new AbortController().signal);
    }
    this.#live.delete(answer.generationId ?? "");
    this.#set({ transcript: withEnd(this.#view.transcript, answer) });
    try {
      await this.refresh();
    } catch (error) {
      if (!(error instanceof SessionEnded) && !answer.end) {
        this.#set({ error });
      }
    }
    if (this.id !== undefined) {
      this.#services.changed(this.id);
    }
  }

  #set(change: Partial<View>): void {
    this.#view = { ...this.#view, ...change };
    for (const listener of this.#listeners) {
      listener();
    }
  }
}
