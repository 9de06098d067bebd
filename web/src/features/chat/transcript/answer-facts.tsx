import type { Timings, Usage } from "@/lib/api/types";

const PHASES = [
  ["queue_ms", "In line"],
  ["connect_ms", "Reaching the model server"],
  ["load_ms", "Loading the model"],
  ["prefill_ms", "Reading the question"],
  ["decode_ms", "Writing"],
] as const;

/** How long an answer took, and for what. */
export function AnswerFacts({
  usage,
  timings,
  reason,
}: {
  usage: Usage | null | undefined;
  timings: Timings | null | undefined;
  reason: string | null | undefined;
}) {
  const total = timings?.total_ms;
  const tokens = usage?.completion_tokens;
  const said = [
    total != null && seconds(total),
    tokens != null && `${usage?.estimated ? "about " : ""}${tokens} ${tokens === 1 ? "token" : "tokens"}`,
    speed(tokens, timings),
    reason === "length" && "cut at its greatest length",
  ].filter(Boolean);
  if (said.length === 0) {
    return null;
  }
  return (
    <details className="ml-auto text-sm text-soft">
      <summary className="min-h-8 list-none px-2 py-1 text-right tabular-nums hover:text-ink">
        {said.join(" · ")}
      </summary>
      <dl className="grid grid-cols-[1fr_auto] gap-x-6 px-2 py-1 tabular-nums">
        {PHASES.map(([key, name]) => {
          const time = timings?.[key];
          return time == null ? null : (
            <div key={key} className="contents">
              <dt>{name}</dt>
              <dd className="text-right">{seconds(time)}</dd>
            </div>
          );
        })}
        {usage?.prompt_tokens != null && (
          <div className="contents">
            <dt>Tokens read</dt>
            <dd className="text-right">{usage.prompt_tokens}</dd>
          </div>
        )}
      </dl>
    </details>
  );
}

function seconds(milliseconds: number): string {
  return milliseconds < 950 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

function speed(tokens: number | undefined, timings: Timings | null | undefined): string | false {
  const time = timings?.decode_ms;
  return (
    tokens !== undefined &&
    tokens > 1 &&
    time != null &&
    time > 0 &&
    `${Math.round((tokens * 1000) / time)} a second`
  );
}
