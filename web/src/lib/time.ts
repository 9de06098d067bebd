/** Times as people say them. */

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** How long ago something was, in one unit: "3 hours ago". */
export function ago(time: string, now: number): string {
  const seconds = (Date.parse(time) - now) / 1000;
  const [unit, size] = STEPS.find(([, length]) => Math.abs(seconds) >= length) ?? [undefined, 1];
  const format = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  return unit === undefined ? "just now" : format.format(Math.round(seconds / size), unit);
}

export function onDay(time: string): string {
  return new Date(time).toLocaleDateString(undefined, { dateStyle: "medium" });
}
