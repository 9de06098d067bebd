import { expect, test } from "vitest";
import type { Message, Model } from "@/lib/api/types";
import { preferred } from "./models";

const MODELS: Model[] = [
  { name: "vectors", loaded: true, capabilities: ["embedding"] },
  { name: "large", capabilities: ["completion"] },
  { name: "small", loaded: true },
];

const said = (model: string | null) => ({ role: "assistant", model }) as Message;

test.each([
  ["the one that was chosen", "large", [said("small")], "small", "large"],
  [
    "else the one that answered last",
    undefined,
    [said("small"), said("large"), said(null)],
    "small",
    "large",
  ],
  ["else the one that was used last anywhere", undefined, [said("gone")], "large", "large"],
  ["else one that is in memory", "gone", [], null, "small"],
] as const)("the model that is asked is %s", (_, chosen, messages, used, expected) => {
  expect(preferred(MODELS, chosen, messages, used)?.name).toBe(expected);
});

test("a model that only makes vectors is never asked", () => {
  expect(preferred(MODELS.slice(0, 1), "vectors", [said("vectors")], "vectors")).toBeUndefined();
});
