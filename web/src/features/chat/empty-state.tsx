"use client";

import { Notice } from "@/components/notice";
import { words } from "@/lib/api/errors";
import type { ModelChoice } from "./models";

const SUGGESTIONS = [
  "Explain how tides work, as if I stood on the beach",
  "Write a polite mail that asks for more time",
  "What is wrong with this: for i in range(10) print(i)",
  "Plan three simple dinners with lentils",
] as const;

/** Before anything was asked. */
export function EmptyState({
  choice,
  onSuggest,
}: {
  choice: ModelChoice;
  onSuggest: (text: string) => void;
}) {
  const none = !choice.loading && !choice.error && choice.model === undefined;
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <div className="column grid min-h-full content-center gap-6 py-8">
        <h2 className="text-balance font-semibold text-3xl tracking-tight">What would you like to know?</h2>
        {choice.error !== null && choice.error !== undefined && (
          <Notice>{words(choice.error)} Your conversations are here all the same.</Notice>
        )}
        {none && (
          <Notice kind="warn">
            The model server has no model yet. With Ollama, <code>ollama pull llama3.2</code> gets one.
          </Notice>
        )}
        <ul className="grid gap-x-8 sm:grid-cols-2">
          {SUGGESTIONS.map((text) => (
            <li key={text} className="border-line border-t">
              <button
                type="button"
                onClick={() => onSuggest(text)}
                className="flex min-h-16 w-full items-start py-3 text-left text-soft hover:text-deep focus-visible:outline-offset-[-2px]"
              >
                {text}
              </button>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}
