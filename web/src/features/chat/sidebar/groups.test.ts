import { expect, test } from "vitest";
import type { Conversation } from "@/lib/api/types";
import { grouped } from "./groups";

const NOW = new Date(2026, 10, 23, 9, 30);
const at = (...time: [number, number, number, number?]) =>
  ({ id: String(time), active_at: new Date(...time).toISOString() }) as Conversation;

test("conversations stand under the days of whoever reads", () => {
  const groups = grouped(
    [
      at(2026, 10, 23, 0),
      at(2026, 10, 22, 23),
      at(2026, 10, 22, 0),
      at(2026, 10, 17),
      at(2026, 9, 3),
      at(2026, 9, 2),
    ],
    NOW,
  );
  expect(groups.map(({ items }) => items.length)).toEqual([1, 2, 1, 2]);
  expect(groups.slice(0, 3).map(({ name }) => name)).toEqual(["Today", "Yesterday", "Last 7 days"]);
  expect(groups[3]?.name).toContain("2026");
});
