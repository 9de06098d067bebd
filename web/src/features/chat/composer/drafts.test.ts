import fc from "fast-check";
import { expect, test } from "vitest";
import { afterFirst, joined, keepDraft, recallDraft } from "./drafts";

test("what was joined comes apart again", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (first, second) => {
      expect(afterFirst(first, joined(first, second))).toBe(second);
    }),
  );
});

test("what is kept of one text alone is that text", () => {
  expect(joined("", "typed")).toBe("typed");
  expect(joined("asked", "")).toBe("asked");
  expect(afterFirst("asked", "typed elsewhere")).toBe("typed elsewhere");
});

test("drafts are kept apart by account and conversation, and an empty one is none", () => {
  keepDraft("a", "one", "first");
  keepDraft("b", "one", "second");
  keepDraft("a", undefined, "third");
  expect([recallDraft("a", "one"), recallDraft("b", "one"), recallDraft("a", undefined)]).toEqual([
    "first",
    "second",
    "third",
  ]);
  keepDraft("a", "one", "");
  expect(Object.keys(localStorage)).toHaveLength(2);
});
