"use client";

import { type ReactNode, useEffect, useEffectEvent, useState } from "react";
import { Icon } from "./icons";

/** Something that went wrong, or may, in a sentence, with what can be done. */
export function Notice({
  kind = "bad",
  children,
  action,
}: {
  kind?: "bad" | "warn" | "plain";
  children: ReactNode;
  action?: ReactNode;
}) {
  const look = { bad: "bg-bad-wash text-bad", warn: "bg-warn-wash", plain: "bg-panel" }[kind];
  return (
    <div
      role={kind === "bad" ? "alert" : "status"}
      className={`flex flex-wrap items-center gap-x-4 gap-y-2 rounded-md px-4 py-3 ${look}`}
    >
      <span className="flex min-w-0 flex-1 basis-52 items-start gap-3">
        <span className="pt-0.5">
          <Icon name="warning" />
        </span>
        <span className="text-ink">{children}</span>
      </span>
      {action && <span className="flex gap-2 text-ink">{action}</span>}
    </div>
  );
}

/** Counts down the seconds, and then does what was put off. */
export function Countdown({ seconds, onEnd }: { seconds: number; onEnd: () => void }) {
  const [left, setLeft] = useState(seconds);
  const end = useEffectEvent(onEnd);

  useEffect(() => {
    const until = Date.now() + seconds * 1000;
    const timer = setInterval(() => {
      const rest = Math.max(0, Math.ceil((until - Date.now()) / 1000));
      setLeft(rest);
      if (rest === 0) {
        clearInterval(timer);
        end();
      }
    }, 250);
    return () => clearInterval(timer);
  }, [seconds]);

  return (
    // Read out once, by the notice around it, and not every second.
    <span aria-live="off" className="tabular-nums">
      {duration(left)}
    </span>
  );
}

function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 60) {
    return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  }
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}
