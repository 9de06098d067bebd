"use client";

import { useRouter } from "next/navigation";
import { type FormEvent, useEffect, useId, useRef, useState, useSyncExternalStore } from "react";
import { Countdown, Notice } from "@/components/notice";
import { openApi, result } from "@/lib/api/client";
import { ApiError, words } from "@/lib/api/errors";
import { session } from "@/lib/session/browser";
import { useSessionState } from "@/lib/session/use-session";
import { nextPage, useWanted } from "./next-page";
import { PasswordField } from "./password-field";

export type Purpose = "login" | "signup";

/** Address and password: of an account, or for a new one. */
export function CredentialsForm({ purpose }: { purpose: Purpose }) {
  const router = useRouter();
  const next = nextPage(useWanted());
  const state = useSessionState();
  const form = useRef<HTMLFormElement>(null);
  const email = useId();
  const [failure, setFailure] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  // Before it is there, a browser would send the form by itself: what was typed would stand in an address.
  const attended = useSyncExternalStore(
    () => () => undefined,
    () => true,
    () => false,
  );

  useEffect(() => {
    // Somebody who is signed in, here or in another tab, has nothing to do here.
    if (state === "in") {
      router.replace(next);
    }
  }, [state, router, next]);

  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const body = {
      email: String(data.get("email")),
      password: String(data.get("password")),
      transport: "cookie" as const,
    };
    setBusy(true);
    setFailure(undefined);
    try {
      const call =
        purpose === "login"
          ? openApi.POST("/v1/auth/login", { body })
          : openApi.POST("/v1/auth/signup", { body });
      session.accept(await result(call));
    } catch (error) {
      setFailure(error);
      setBusy(false);
    }
  }

  return (
    <form
      ref={form}
      method="post"
      className="grid gap-5"
      aria-busy={busy}
      onSubmit={submit}
      // What is being typed is not to be sent by a countdown.
      onInput={() => setFailure(undefined)}
    >
      {failure !== undefined && <Failure error={failure} onRetry={() => form.current?.requestSubmit()} />}
      <div className="grid gap-1.5">
        <label htmlFor={email} className="font-medium">
          E-mail
        </label>
        <input
          id={email}
          name="email"
          type="email"
          autoComplete="username"
          required
          maxLength={320}
          className="field"
        />
      </div>
      <PasswordField
        name="password"
        label="Password"
        fresh={purpose === "signup"}
        hint={
          purpose === "signup"
            ? "At least 8 characters. A few words are better than one with symbols."
            : undefined
        }
      />
      <button type="submit" className="button button-main min-h-11" disabled={busy || !attended}>
        {purpose === "login" ? "Sign in" : "Create account"}
      </button>
    </form>
  );
}

function Failure({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const wait = error instanceof ApiError ? error.retryAfter : undefined;
  return (
    <Notice>
      {words(error)}
      {wait !== undefined && (
        <>
          {" "}
          Trying again in <Countdown seconds={wait} onEnd={onRetry} />.
        </>
      )}
    </Notice>
  );
}
