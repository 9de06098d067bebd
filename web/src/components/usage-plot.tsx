import type { DailyUsage } from "@/lib/api/types";

const WIDTH = 720;
const HEIGHT = 160;
const DAY = 86_400_000;

type Used = Pick<DailyUsage, "day" | "prompt_tokens" | "completion_tokens" | "requests">;

interface Bar {
  day: string;
  read: number;
  written: number;
  requests: number;
}

/** Tokens by day: read and written, one upon the other, and the same as a table. */
export function UsagePlot({ from, to, items }: { from: string; to: string; items: readonly Used[] }) {
  const bars = byDay(from, to, items);
  const most = Math.max(1, ...bars.map(({ read, written }) => read + written));
  const step = WIDTH / bars.length;
  const used = bars.filter(({ requests }) => requests > 0);
  const total = used.reduce((sum, { read, written }) => sum + read + written, 0);
  if (used.length === 0) {
    return (
      <p className="rounded-md bg-panel px-4 py-8 text-center text-soft">
        Nothing was asked in these {bars.length} days.
      </p>
    );
  }
  return (
    <figure className="grid gap-3">
      <figcaption className="flex flex-wrap items-baseline gap-x-6 gap-y-1 text-sm text-soft">
        <span className="text-base text-ink">
          <strong className="font-semibold tabular-nums">{total.toLocaleString()}</strong> tokens in{" "}
          {bars.length} days
        </span>
        <Key className="bg-edge" name="read" />
        <Key className="bg-deep" name="written" />
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT + 1}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Tokens by day; at most ${most.toLocaleString()}`}
        className="h-40 w-full"
      >
        <line x1="0" x2={WIDTH} y1={HEIGHT} y2={HEIGHT} className="stroke-line" />
        {bars.map((bar, index) => (
          <g key={bar.day}>
            <title>{`${bar.day}: ${bar.read.toLocaleString()} read, ${bar.written.toLocaleString()} written`}</title>
            <rect x={index * step + 1} width={step - 2} {...span(0, bar.read, most)} className="fill-edge" />
            <rect
              x={index * step + 1}
              width={step - 2}
              {...span(bar.read, bar.written, most)}
              className="fill-deep"
            />
          </g>
        ))}
      </svg>
      <p aria-hidden="true" className="flex justify-between text-sm text-soft">
        <span>{label(from)}</span>
        <span>{label(to)}</span>
      </p>
      <details>
        <summary className="min-h-8 text-sm text-soft">As a table</summary>
        <Days bars={used} />
      </details>
    </figure>
  );
}

function Key({ className, name }: { className: string; name: string }) {
  return (
    <span className="inline-flex items-center gap-2">
      <span aria-hidden="true" className={`size-3 rounded-sm ${className}`} />
      {name}
    </span>
  );
}

function Days({ bars }: { bars: readonly Bar[] }) {
  return (
    <table className="w-full text-sm tabular-nums">
      <thead>
        <tr className="border-edge border-b text-left">
          <th className="py-1 font-semibold">Day</th>
          <th className="py-1 text-right font-semibold">Requests</th>
          <th className="py-1 text-right font-semibold">Read</th>
          <th className="py-1 text-right font-semibold">Written</th>
        </tr>
      </thead>
      <tbody>
        {bars.toReversed().map((bar) => (
          <tr key={bar.day} className="border-line border-b">
            <td className="py-1">{bar.day}</td>
            <td className="py-1 text-right">{bar.requests.toLocaleString()}</td>
            <td className="py-1 text-right">{bar.read.toLocaleString()}</td>
            <td className="py-1 text-right">{bar.written.toLocaleString()}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function span(from: number, size: number, most: number): { y: number; height: number } {
  const height = (size / most) * HEIGHT;
  return { y: HEIGHT - (from / most) * HEIGHT - height, height };
}

/** All days between two, with what was used of all models together. */
export function byDay(from: string, to: string, items: readonly Used[]): Bar[] {
  const bars = new Map<string, Bar>();
  for (let time = Date.parse(from); time <= Date.parse(to); time += DAY) {
    const day = new Date(time).toISOString().slice(0, 10);
    bars.set(day, { day, read: 0, written: 0, requests: 0 });
  }
  for (const item of items) {
    const bar = bars.get(item.day);
    if (bar) {
      bar.read += item.prompt_tokens;
      bar.written += item.completion_tokens;
      bar.requests += item.requests;
    }
  }
  return [...bars.values()];
}

function label(day: string): string {
  return new Date(day).toLocaleDateString(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
}
