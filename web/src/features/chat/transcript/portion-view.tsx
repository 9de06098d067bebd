"use client";

import { type ReactNode, useEffect, useState } from "react";

// By then what is loaded with the first message that needs it is there, and everything has its height.
const SETTLED = 1_000;

/**
 * Messages that cost nothing while they are out of sight. They are drawn once before that, so that their height is
 * known, and nothing moves when they come into sight again.
 */
export function PortionView({ children }: { children: ReactNode }) {
  const [known, setKnown] = useState(false);

  useEffect(() => {
    const timer = setTimeout(() => setKnown(true), SETTLED);
    return () => clearTimeout(timer);
  }, []);

  return (
    <div className="portion" data-known={known}>
      {children}
    </div>
  );
}
