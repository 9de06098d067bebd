import { expect, test } from "vitest";
import { ApiError, SessionEnded, Unreachable } from "@/lib/api/errors";
import type { ChatBody, Message } from "@/lib/api/types";
import { Conversation } from "./conversation";
import type { Question } from "./transcript";
import type { Services } from "./views";

const MANNER = { model: "m" };

/** A server with one conversation, whose answers are as long as the question that was asked. */
class Server {
  readonly messages: Message[] = [];
  readonly bodies: ChatBody[] = [];
  readonly keys: string[] = [];
  readonly changes: string[] = [];
  /** What the next questions are refused with. */
  readonly refusals: unknown[] = [];
  /** Where what is older begins. */
  older: string | null = null;
  /** Nothing reaches it. */
  away = false;
  /** What is asked of its conversations arrives when these are over, one after the other. */
  readonly delays: Promise<unknown>[] = [];

  readonly services: Services = {
    fetchPath: async (_, place) => {
      const from = place.leaf === "newest" ? this.messages.at(-1)?.id : (place.leaf ?? place.through);
      const items = this.#path(from ?? null).toReversed();
      await this.delays.shift();
      if (this.away) {
        throw new Unreachable();
      }
      return place.cursor ? { items: [], cursor: null } : { items, cursor: this.older };
    },
    questionSource: (body, key) => ({
      ...this.services.generationSource,
      ask: async () => this.#answer(body, key),
    }),
    generationSource: {
      resume: async () => new Response(null, { status: 204 }),
      pause: () => new Promise((done) => setTimeout(done)),
    },
    cancel: async () => {
      throw new Error("nothing runs");
    },
    changed: (id) => this.changes.push(id),
    answered: () => undefined,
  };

  #path(from: string | null): Message[] {
    const path: Message[] = [];
    for (let id = from; id !== null; ) {
      const message = this.messages.find((each) => each.id === id);
      if (!message) {
        break;
      }
      const siblings = this.messages
        .filter((each) => each.parent_id === message.parent_id)
        .map((each) => each.id);
      path.unshift({ ...message, siblings });
      id = message.parent_id;
    }
    return path;
  }

  #add(role: Message["role"], content: string, parent_id: string | null): Message {
    const id = `message ${this.messages.length}`;
    const message: Message = {
      id,
      conversation_id: "c",
      parent_id,
      role,
      state: "complete",
      content,
      created_at: "",
    };
    this.messages.push(message);
    return message;
  }

  #answer(body: ChatBody, key: string): Response {
    if (this.away) {
      throw new Unreachable();
    }
    this.bodies.push(body);
    this.keys.push(key);
    const refusal = this.refusals.shift();
    if (refusal) {
      throw refusal;
    }
    const newest = this.messages.at(-1)?.id ?? null;
    let parent = body.parent_id === undefined ? newest : body.parent_id;
    for (const { content = "" } of body.messages ?? []) {
      parent = this.#add("user", content, parent).id;
    }
    const { id } = this.#add("assistant", "an answer", parent);
    const start = {
      event: "start",
      generation_id: `g ${id}`,
      conversation_id: "c",
      message_id: id,
      parent_id: parent,
      model: "m",
    };
    const done = { event: "done", finish_reason: "stop", usage: {}, timings: {} };
    const delta = { event: "delta", content: "an answer" };
    const frames = [
      [0, start],
      [9, delta],
      [10, done],
    ] as const;
    return new Response(
      frames.map(([place, frame]) => `id: ${place}\ndata: ${JSON.stringify(frame)}\n\n`).join(""),
    );
  }
}

const texts = (conversation: Conversation) =>
  conversation.view().transcript.messages.map(({ content }) => content);
const question = (text: string): Question => ({ text, images: [] });

async function quiet(conversation: Conversation): Promise<void> {
  await expect.poll(() => conversation.isAnswering()).toBe(false);
}

async function asked(server: Server, ...questions: string[]): Promise<Conversation> {
  const conversation = new Conversation(server.services);
  for (const text of questions) {
    conversation.ask(question(text), MANNER);
    await quiet(conversation);
  }
  return conversation;
}

test("the first question begins a conversation, the next goes on with it", async () => {
  const server = new Server();
  const conversation = await asked(server, "one", "two");
  expect(conversation.id).toBe("c");
  expect(texts(conversation)).toEqual(["one", "an answer", "two", "an answer"]);
  expect(server.bodies[0]).toMatchObject({ store: true, on_disconnect: "continue" });
  expect(server.bodies[1]).toMatchObject({ conversation_id: "c", parent_id: "message 1" });
  expect(server.bodies[1]).not.toHaveProperty("store");
});

test("a refused question is asked again as the same one, or taken back", async () => {
  const server = new Server();
  const conversation = await asked(server, "one");
  server.refusals.push(...[1, 2].map(() => new ApiError(429, { code: "rate_limited", message: "" })));
  conversation.ask(question("two"), MANNER);
  await quiet(conversation);
  expect(conversation.view().pending?.failure).toBeInstanceOf(ApiError);
  conversation.retry(MANNER);
  await quiet(conversation);
  expect(server.keys[1]).toBe(server.keys[2]);
  expect(conversation.takeBack()?.text).toBe("two");
  expect(texts(conversation)).toEqual(["one", "an answer"]);
});

test("a question in another's place that is taken back leaves everything as it was", async () => {
  const server = new Server();
  const conversation = await asked(server, "one", "two");
  server.refusals.push(new ApiError(503, { code: "overloaded", message: "" }));
  const [first] = conversation.view().transcript.messages;
  conversation.askInstead(first as Message, question("other"), MANNER);
  await quiet(conversation);
  conversation.takeBack();
  expect(texts(conversation)).toEqual(["one", "an answer", "two", "an answer"]);
});

test("a refused question that another model is to answer is another question", async () => {
  const server = new Server();
  const conversation = await asked(server, "one");
  server.refusals.push(new ApiError(404, { code: "model_not_found", message: "" }));
  conversation.ask(question("two"), MANNER);
  await quiet(conversation);
  conversation.retry({ model: "another", think: true });
  await quiet(conversation);
  expect(server.bodies[2]).toMatchObject({ model: "another", think: true, parent_id: "message 1" });
  expect(server.keys[2]).not.toBe(server.keys[1]);
  expect(texts(conversation)).toEqual(["one", "an answer", "two", "an answer"]);
});

test.each([new SessionEnded(), new ApiError(503, { code: "overloaded", message: "" })])(
  "a question that is not at the server stays, whatever kept it: %s",
  async (refusal) => {
    const server = new Server();
    const conversation = await asked(server, "one");
    server.refusals.push(refusal);
    conversation.ask(question("two"), MANNER);
    await quiet(conversation);
    expect(conversation.view().pending?.question).toEqual(question("two"));
  },
);

test("a question that cannot reach the server is stopped at once, and can be taken back", async () => {
  const server = new Server();
  const conversation = await asked(server, "one");
  server.away = true;
  conversation.ask(question("two"), MANNER);
  await expect.poll(() => conversation.view().pending?.live.state().connected).toBe(false);
  await conversation.stop();
  expect(conversation.isAnswering()).toBe(false);
  expect(conversation.view().pending?.failure).toBeInstanceOf(Unreachable);
  server.away = false;
  expect(conversation.takeBack()?.text).toBe("two");
  expect(server.bodies).toHaveLength(1);
});

test("a question stays though what was known before it arrives after it", async () => {
  const server = new Server();
  const conversation = await asked(server, "one");
  const late = Promise.withResolvers<void>();
  server.delays.push(late.promise);
  const refreshed = conversation.refresh();
  conversation.ask(question("two"), MANNER);
  await quiet(conversation);
  late.resolve();
  await refreshed;
  expect(texts(conversation)).toEqual(["one", "an answer", "two", "an answer"]);
});

test("of two branches that are opened the last is shown, whichever arrives first", async () => {
  const server = new Server();
  const conversation = await asked(server, "one");
  conversation.answerAgain(conversation.view().transcript.messages[1] as Message, MANNER);
  await quiet(conversation);
  const late = Promise.withResolvers<void>();
  server.delays.push(late.promise);
  const first = conversation.open({ through: "message 1" });
  await conversation.open({ through: "message 2" });
  late.resolve();
  await first;
  expect(conversation.view().transcript.messages[1]?.id).toBe("message 2");
});

test("a branch that is opened stays though the one before it is loaded again meanwhile", async () => {
  const server = new Server();
  const conversation = await asked(server, "one");
  conversation.answerAgain(conversation.view().transcript.messages[1] as Message, MANNER);
  await quiet(conversation);
  const [opens, refreshes] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  server.delays.push(opens.promise, refreshes.promise);
  const opened = conversation.open({ through: "message 1" });
  const refreshed = conversation.refresh();
  opens.resolve();
  await opened;
  refreshes.resolve();
  await refreshed;
  expect(conversation.view().transcript.messages[1]?.id).toBe("message 1");
});

test("after a branch that cannot be opened what comes is shown as before", async () => {
  const server = new Server();
  const conversation = await asked(server, "one");
  const elsewhere = new Conversation(server.services, "c");
  await elsewhere.open();
  server.away = true;
  await expect(elsewhere.open({ through: "message 0" })).rejects.toThrow(Unreachable);
  server.away = false;
  conversation.answerAgain(conversation.view().transcript.messages[1] as Message, MANNER);
  await quiet(conversation);
  await elsewhere.refresh();
  expect(elsewhere.view().transcript.messages[1]?.id).toBe("message 2");
});

test("what is older and cannot be loaded is said to be so, and not asked for again by itself", async () => {
  const server = new Server();
  await asked(server, "one");
  server.older = "a cursor";
  const conversation = new Conversation(server.services, "c");
  await conversation.open();
  server.away = true;
  await conversation.loadOlder();
  expect(conversation.view()).toMatchObject({ olderFailed: true, loadingOlder: false });
  server.away = false;
  await conversation.loadOlder();
  expect(conversation.view()).toMatchObject({ olderFailed: false, transcript: { older: null } });
});

test("what was asked elsewhere is followed, but not in place of what was asked here", async () => {
  const server = new Server();
  const here = await asked(server, "one");
  const there = new Conversation(server.services, "c");
  await there.open();
  there.ask(question("from there"), MANNER);
  await quiet(there);
  await here.refresh();
  expect(texts(here).at(-2)).toBe("from there");

  here.ask(question("mine"), MANNER);
  there.askInstead(there.view().transcript.messages[2] as Message, question("theirs"), MANNER);
  await quiet(here);
  await quiet(there);
  await here.refresh();
  await there.refresh();
  expect(texts(here)).toContain("mine");
  expect(texts(there)).toContain("theirs");
});

test("answering again makes a sibling, and others can be gone back to", async () => {
  const server = new Server();
  const conversation = await asked(server, "one");
  conversation.answerAgain(conversation.view().transcript.messages[1] as Message, MANNER);
  await quiet(conversation);
  await expect
    .poll(() => conversation.view().transcript.messages[1]?.siblings)
    .toEqual(["message 1", "message 2"]);
  expect(server.bodies[1]).toMatchObject({ messages: [], parent_id: "message 0" });
  await conversation.open({ through: "message 1" });
  expect(conversation.view().transcript.messages[1]?.id).toBe("message 1");
});
