"use client";

import dynamic from "next/dynamic";
import { type ComponentType, Suspense, useEffect } from "react";
import { Loading } from "@/components/loading";
import { SignedIn } from "./signed-in";

/** Makes a page for whoever is signed in. What is on it is loaded while it is found out who that is. */
export function behindSignIn(load: () => Promise<{ default: ComponentType }>): ComponentType {
  const Content = dynamic(load, { ssr: false, loading: Loading });

  return function Page() {
    useEffect(() => {
      // Without a network this fails, and is tried again when it is shown.
      load().catch(() => undefined);
    }, []);

    return (
      <SignedIn>
        <Suspense fallback={<Loading />}>
          <Content />
        </Suspense>
      </SignedIn>
    );
  };
}
