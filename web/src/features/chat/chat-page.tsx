"use client";

import dynamic from "next/dynamic";
import { Suspense, useEffect } from "react";
import { Loading } from "@/components/loading";
import { SignedIn } from "@/features/auth/signed-in";

const load = () => import("./chat");

const Chat = dynamic(load, { ssr: false, loading: Loading });

/** The chat, for whoever is signed in. It is loaded while it is found out who that is. */
export function ChatPage() {
  useEffect(() => {
    // Without a network this fails, and is tried again when it is shown.
    load().catch(() => undefined);
  }, []);

  return (
    <SignedIn>
      <Suspense fallback={<Loading />}>
        <Chat />
      </Suspense>
    </SignedIn>
  );
}
