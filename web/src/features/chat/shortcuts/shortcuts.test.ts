import { expect, test } from "vitest";
import { shortcutOf } from "./shortcuts";

const NONE = { ctrlKey: false, metaKey: false, shiftKey: false, altKey: false };

test.each([
  ["search", { key: "k", code: "KeyK", ctrlKey: true }],
  ["search", { key: "k", code: "KeyK", metaKey: true }],
  ["new", { key: "O", code: "KeyO", ctrlKey: true, shiftKey: true }],
  // A German keyboard: Shift and 7 is a slash.
  ["help", { key: "/", code: "Digit7", ctrlKey: true, shiftKey: true }],
  ["copyCode", { key: ":", code: "Semicolon", ctrlKey: true, shiftKey: true }],
  ["composer", { key: "Escape", code: "Escape", shiftKey: true }],
  [undefined, { key: "k", code: "KeyK" }],
  [undefined, { key: "k", code: "KeyK", ctrlKey: true, altKey: true }],
  [undefined, { key: "O", code: "KeyO", ctrlKey: true }],
] as const)("%s", (expected, event) => {
  expect(shortcutOf({ ...NONE, ...event })).toBe(expected);
});
