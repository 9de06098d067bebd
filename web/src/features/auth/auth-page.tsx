"use client";

import { useSyncExternalStore } from "react";
import { Mark } from "@/components/icons";
import { Notice } from "@/components/notice";
import { PageLink } from "@/components/page-link";
import { CredentialsForm, type Purpose } from "./credentials-form";
import { useWanted } from "./next-page";

const WORDS = {
  login: { title: "Sign in", ask: "No account yet?", other: "Create one", href: "/signup" },
  signup: { title: "Create an account", ask: "Have an account?", other: "Sign in", href: "/login" },
} as const;

export function AuthPage({ purpose }: { purpose: Purpose }) {
  const { title } = WORDS[purpose];
  return (
    <main className="mx-auto grid min-h-dvh w-full max-w-md content-center gap-8 px-6 py-12">
      <header className="grid gap-6">
        <p className="flex items-center gap-2.5 font-semibold text-deep">
          <Mark />
          DeeperSensor
        </p>
        <h1 className="font-semibold text-3xl tracking-tight">{title}</h1>
      </header>
      <Insecure />
      <CredentialsForm purpose={purpose} />
      <OtherWay purpose={purpose} />
    </main>
  );
}

function OtherWay({ purpose }: { purpose: Purpose }) {
  const { ask, other, href } = WORDS[purpose];
  const next = useWanted();
  return (
    <p className="text-soft">
      {ask}{" "}
      <PageLink
        href={next ? `${href}?next=${encodeURIComponent(next)}` : href}
        className="text-deep underline underline-offset-4"
      >
        {other}
      </PageLink>
    </p>
  );
}

/** Without TLS a browser keeps no sign-in, and that is better said before than found out after. */
function Insecure() {
  const secure = useSyncExternalStore(
    () => () => undefined,
    () => isSecureContext,
    () => true,
  );
  return secure ? null : (
    <Notice kind="warn">
      This address has no TLS: your browser will forget your sign-in when the page is loaded again.
    </Notice>
  );
}
