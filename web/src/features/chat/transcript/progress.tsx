import { Icon } from "@/components/icons";
import type { Answer } from "@/lib/stream/answers";

/** What an answer is waiting for, as long as it is. */
export function Progress({ answer, connected }: { answer: Answer; connected: boolean }) {
  if (!connected) {
    return (
      <p role="status" className="flex items-center gap-2 text-sm text-soft">
        <Icon name="warning" size={16} />
        {answer.generationId === undefined
          ? "Connection lost. Your question is kept; trying again…"
          : "Connection lost. What has come so far is kept; trying again…"}
      </p>
    );
  }
  const { queue } = answer;
  if (queue && queue.position > 0) {
    return (
      <p role="status" className="text-soft">
        {queue.position === 1 ? "Next in line" : `${ordinal(queue.position)} in line`}
        {queue.estimateMs !== undefined &&
          `, for about ${Math.max(1, Math.round(queue.estimateMs / 1000))} s`}
      </p>
    );
  }
  return (
    <p className="flex h-6 items-center gap-1.5" data-testid="writing">
      <span className="sr-only">Being written</span>
      {["", "[animation-delay:200ms]", "[animation-delay:400ms]"].map((delay) => (
        <span
          key={delay}
          aria-hidden="true"
          className={`size-1.5 animate-pulse rounded-full bg-deep ${delay}`}
        />
      ))}
    </p>
  );
}

const ENDINGS: Partial<Record<Intl.LDMLPluralRule, string>> = { one: "st", two: "nd", few: "rd" };
const RULES = new Intl.PluralRules("en", { type: "ordinal" });

function ordinal(count: number): string {
  return `${count}${ENDINGS[RULES.select(count)] ?? "th"}`;
}
