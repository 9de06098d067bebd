/** What a browser calls itself, in the words of its owner. The order matters: each names others that it is like. */
const PROGRAMS = [
  ["Edg/", "Edge"],
  ["OPR/", "Opera"],
  ["Firefox/", "Firefox"],
  ["Chrome/", "Chrome"],
  ["Safari/", "Safari"],
  ["curl/", "curl"],
  ["python", "Python"],
] as const;

const SYSTEMS = [
  ["iPhone", "iPhone"],
  ["iPad", "iPad"],
  ["Android", "Android"],
  ["Windows", "Windows"],
  ["Mac OS X", "Mac"],
  ["Linux", "Linux"],
] as const;

export function deviceName(agent: string | null): string {
  if (!agent) {
    return "Unknown device";
  }
  const named = (list: readonly (readonly [string, string])[]) =>
    list.find(([word]) => agent.includes(word))?.[1];
  return [named(PROGRAMS) ?? agent.slice(0, 40), named(SYSTEMS)].filter(Boolean).join(" on ");
}
