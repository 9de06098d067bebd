import { expect, test } from "vitest";
import type { Message } from "@/lib/api/types";
import { portions } from "./portions";

const messages = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => ({ id: `m${from + index}` }) as Message);

/** In which portion each message is. */
function places(put: ReturnType<typeof portions>, list: readonly Message[]): Map<string, number> {
  const found = put(list);
  expect(found.flatMap((portion) => portion.messages)).toEqual(list);
  expect(new Set(found.map(({ key }) => key)).size).toBe(found.length);
  return new Map(found.flatMap(({ key, messages }) => messages.map(({ id }) => [id, key] as const)));
}

test("messages that come in above or below leave the others in their portions", () => {
  const put = portions();
  let [from, to] = [500, 550];
  let before = places(put, messages(from, to));
  for (const [above, below] of [
    [50, 0],
    [0, 2],
    [50, 40],
    [3, 1],
  ] as const) {
    from -= above;
    to += below;
    const after = places(put, messages(from, to));
    for (const [id, key] of before) {
      expect(after.get(id)).toBe(key);
    }
    before = after;
  }
  expect(new Set(before.values()).size).toBeLessThan((to - from) / 16);
});

test("portions are of a bounded size", () => {
  const put = portions();
  put(messages(900, 950));
  const sizes = put(messages(0, 1_000)).map((portion) => portion.messages.length);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(64);
  expect(sizes.length).toBeGreaterThan(16);
});

test("the messages of another branch are in order, whatever was known of them", () => {
  const put = portions();
  put(messages(0, 100));
  const branch = [...messages(0, 40), ...messages(200, 240)];
  places(put, branch);
  places(put, [...messages(0, 40), ...messages(60, 100)]);
  places(put, [...messages(300, 340), ...messages(20, 60)]);
});
