import { expect, test } from "vitest";
import type { Message } from "@/lib/api/types";
import { refreshed } from "./transcript";

const message = (id: string, parent_id: string | null, content: string) =>
  ({ id, parent_id, content, siblings: [id] }) as Message;

test("a message that is as it was stays the same, and others are taken over", () => {
  const before = [message("a", null, "one"), message("b", "a", "two"), message("c", "b", "three")];
  const page = { items: [message("c", "b", "changed"), message("b", "a", "two")], cursor: "older" };
  const { messages, older } = refreshed({ messages: before, older: null }, page);
  expect(messages.map(({ content }) => content)).toEqual(["one", "two", "changed"]);
  expect(messages[1]).toBe(before[1]);
  expect(older).toBeNull();
});
