"use client";

import { QueryClientProvider } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { announce } from "@/components/announcer";
import { queries } from "@/lib/queries";
import { session } from "@/lib/session/browser";

export function Providers({ children }: { children: ReactNode }) {
  useEffect(
    () =>
      session.subscribe(() => {
        if (session.state() === "out") {
          // What one account was shown is nothing to the next.
          queries.clear();
          announce("");
        }
      }),
    [],
  );
  return <QueryClientProvider client={queries}>{children}</QueryClientProvider>;
}
