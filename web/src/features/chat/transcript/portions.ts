import type { Message } from "@/lib/api/types";

/** Messages that are drawn, or left out of a picture, together. */
export interface Portion {
  key: number;
  messages: readonly Message[];
}

const SIZE = 32;

/**
 * Returns how messages are put into portions: those that come in later, above or below, never move one that is there
 * already, so that none of them is made again.
 */
export function portions(): (messages: readonly Message[]) => Portion[] {
  const places = new Map<string, number>();
  const counts = new Map<number, number>();

  function put(message: Message, beside: number, step: 1 | -1): number {
    const key = (counts.get(beside) ?? 0) < SIZE ? beside : beside + step;
    places.set(message.id, key);
    counts.set(key, (counts.get(key) ?? 0) + 1);
    return key;
  }

  return (messages) => {
    const known = messages.findIndex(({ id }) => places.has(id));
    let key = places.get(messages[known]?.id ?? "") ?? 0;
    for (const message of messages.slice(0, Math.max(known, 0)).toReversed()) {
      key = put(message, key, -1);
    }
    const found: Portion[] = [];
    key = places.get(messages[0]?.id ?? "") ?? 0;
    for (const message of messages) {
      const place = places.get(message.id);
      // Of another branch there may be some that stood elsewhere; the order is what counts.
      key = place !== undefined && place >= key ? place : put(message, key, 1);
      const last = found.at(-1);
      if (last?.key === key) {
        (last.messages as Message[]).push(message);
      } else {
        found.push({ key, messages: [message] });
      }
    }
    return found;
  };
}
