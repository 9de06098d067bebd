import type { Conversation } from "@/lib/api/types";

export interface Group {
  name: string;
  items: Conversation[];
}

const DAY = 86_400_000;

/** Puts conversations under the days on which something was last asked in them, as days begin where the reader is. */
export function grouped(items: readonly Conversation[], now: Date): Group[] {
  const today = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  const groups: Group[] = [];
  for (const item of items) {
    const name = nameOf(new Date(item.active_at), today);
    const last = groups.at(-1);
    if (last?.name === name) {
      last.items.push(item);
    } else {
      groups.push({ name, items: [item] });
    }
  }
  return groups;
}

function nameOf(at: Date, today: number): string {
  const time = at.getTime();
  if (time >= today) {
    return "Today";
  }
  if (time >= today - DAY) {
    return "Yesterday";
  }
  if (time >= today - 7 * DAY) {
    return "Last 7 days";
  }
  return at.toLocaleDateString(undefined, { month: "long", year: "numeric" });
}
