"use client";

import { useQuery } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import { api, result } from "@/lib/api/client";
import { session } from "./browser";
import type { SessionState } from "./session";

/** Whether somebody is signed in; the first page that asks finds out. */
export function useSessionState(): SessionState {
  const state = useSyncExternalStore(session.subscribe, session.state, () => "unknown" as const);
  useEffect(() => {
    if (state === "unknown") {
      // Without a network nothing is known; the pages say so, and ask again.
      session.token().catch(() => undefined);
    }
  }, [state]);
  return state;
}

/** The account that is signed in. */
export function useMe() {
  return useQuery({ queryKey: ["me"], queryFn: () => result(api.GET("/v1/me")), staleTime: 300_000 });
}
