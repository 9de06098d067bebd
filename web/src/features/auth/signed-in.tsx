"use client";

import { useRouter } from "next/navigation";
import { type ReactNode, useEffect } from "react";
import { Loading } from "@/components/loading";
import { useSessionState } from "@/lib/session/use-session";
import { Unreached } from "./unreached";

/** Shows its children to whoever is signed in; others go and sign in, and come back to where they were. */
export function SignedIn({ children }: { children: ReactNode }) {
  const state = useSessionState();
  const router = useRouter();

  useEffect(() => {
    if (state === "out") {
      const here = location.pathname + location.search;
      router.replace(`/login?next=${encodeURIComponent(here)}`);
    }
  }, [state, router]);

  if (state === "unknown") {
    return <Unreached fallback={<Loading />} />;
  }
  return state === "in" ? children : <Loading />;
}
