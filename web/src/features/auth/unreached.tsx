"use client";

import { type ReactNode, useEffect, useState } from "react";
import { words } from "@/lib/api/errors";
import { session } from "@/lib/session/browser";

/** While it is not known who is here: `fallback`, and once the server could not be asked, that, and it is tried on. */
export function Unreached({ fallback }: { fallback: ReactNode }) {
  const [error, setError] = useState<unknown>();
  const [tries, setTries] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: each try is one more
  useEffect(() => {
    let wanted = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = () => wanted && setTries((count) => count + 1);
    session.token().catch((reason: unknown) => {
      if (wanted) {
        setError(reason);
        timer = setTimeout(again, 3_000);
      }
    });
    addEventListener("online", again);
    return () => {
      wanted = false;
      clearTimeout(timer);
      removeEventListener("online", again);
    };
  }, [tries]);

  if (error === undefined) {
    return fallback;
  }
  return (
    <main className="column grid min-h-dvh content-center gap-4">
      <h1 className="font-semibold text-2xl">No connection</h1>
      <p className="text-soft" role="status">
        {words(error)} Trying again until it answers.
      </p>
      <button
        type="button"
        className="button justify-self-start"
        onClick={() => setTries((count) => count + 1)}
      >
        Try now
      </button>
    </main>
  );
}
