"use client";

import { type FormEvent, useState } from "react";
import { Notice } from "@/components/notice";
import { Section } from "@/components/page-frame";
import { toast } from "@/components/toasts";
import { PasswordField } from "@/features/auth/password-field";
import { api, result } from "@/lib/api/client";
import { words } from "@/lib/api/errors";
import { session } from "@/lib/session/browser";

export function PasswordSection() {
  const [failure, setFailure] = useState<unknown>();
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget;
    const data = new FormData(form);
    setBusy(true);
    setFailure(undefined);
    try {
      const body = {
        current_password: String(data.get("current")),
        new_password: String(data.get("new")),
        transport: "cookie" as const,
      };
      session.accept(await result(api.PUT("/v1/me/password", { body })));
      form.reset();
      toast("Your password was changed. All other devices are signed out.");
    } catch (error) {
      setFailure(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Section title="Password" intro="Another password signs all other devices out.">
      <form onSubmit={submit} className="grid max-w-sm gap-4">
        {failure !== undefined && <Notice>{words(failure)}</Notice>}
        <PasswordField name="current" label="Present password" fresh={false} />
        <PasswordField name="new" label="New password" fresh hint="At least 8 characters." />
        <button type="submit" className="button justify-self-start" disabled={busy}>
          Change password
        </button>
      </form>
    </Section>
  );
}
