import { expect, test } from "vitest";
import { byDay } from "./usage-plot";

const used = (day: string, model: string, tokens: number) => ({
  day,
  model,
  requests: 1,
  prompt_tokens: tokens,
  completion_tokens: 2 * tokens,
  estimated_requests: 0,
  failed_requests: 0,
});

test("each day has a bar, with what all models took together", () => {
  const bars = byDay("2026-02-27", "2026-03-02", [used("2026-03-01", "a", 5), used("2026-03-01", "b", 7)]);
  expect(bars.map(({ day, read, written }) => [day, read, written])).toEqual([
    ["2026-02-27", 0, 0],
    ["2026-02-28", 0, 0],
    ["2026-03-01", 12, 24],
    ["2026-03-02", 0, 0],
  ]);
});
