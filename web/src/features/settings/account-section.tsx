"use client";

import { type FormEvent, useRef, useState } from "react";
import { Dialog } from "@/components/dialog";
import { Notice } from "@/components/notice";
import { Section } from "@/components/page-frame";
import { toast } from "@/components/toasts";
import { PasswordField } from "@/features/auth/password-field";
import { api, result } from "@/lib/api/client";
import { words } from "@/lib/api/errors";
import { askAnew } from "@/lib/queries";
import { session } from "@/lib/session/browser";
import { useMe } from "@/lib/session/use-session";
import { forgetAll } from "@/lib/storage";
import { exportAll } from "./export-all";
import { importAll, NoDocument } from "./import-all";

export function AccountSection() {
  const { data: me } = useMe();
  const [progress, setProgress] = useState<string>();
  const [deleting, setDeleting] = useState(false);
  const picker = useRef<HTMLInputElement>(null);

  async function restore(file: File): Promise<void> {
    try {
      const { taken, left, failure } = await importAll(await file.text(), (done, all) =>
        setProgress(`${done} of ${all}…`),
      );
      const others = left > 0 ? ` ${left} could not be: ${words(failure)}` : "";
      toast(`${taken} ${taken === 1 ? "conversation was" : "conversations were"} brought in.${others}`);
    } catch (error) {
      toast(error instanceof NoDocument ? error.message : words(error));
    } finally {
      setProgress(undefined);
      void askAnew(["conversations"]);
    }
  }

  async function save(): Promise<void> {
    try {
      const count = await exportAll((done) => setProgress(`${done} conversations…`));
      toast(`${count} ${count === 1 ? "conversation was" : "conversations were"} saved.`);
    } catch (error) {
      toast(words(error));
    } finally {
      setProgress(undefined);
    }
  }

  return (
    <Section title="Account" {...(me && { intro: `Signed in as ${me.email}.` })}>
      <div className="flex flex-wrap items-center gap-3">
        <button
          type="button"
          className="button"
          disabled={progress !== undefined}
          onClick={() => void save()}
        >
          Save all conversations
        </button>
        <button
          type="button"
          className="button"
          disabled={progress !== undefined}
          onClick={() => picker.current?.click()}
        >
          Bring saved ones in
        </button>
        <input
          ref={picker}
          type="file"
          accept="application/json,.json"
          aria-label="Saved conversations"
          hidden
          onChange={(event) => {
            const [file] = event.target.files ?? [];
            event.target.value = "";
            if (file) {
              void restore(file);
            }
          }}
        />
        <span role="status" className="text-soft">
          {progress}
        </span>
      </div>
      <button
        type="button"
        className="button button-bad justify-self-start"
        onClick={() => setDeleting(true)}
      >
        Delete account
      </button>
      {deleting && <DeleteDialog onClose={() => setDeleting(false)} />}
    </Section>
  );
}

function DeleteDialog({ onClose }: { onClose: () => void }) {
  const [failure, setFailure] = useState<unknown>();
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const password = String(new FormData(event.currentTarget).get("password"));
    setBusy(true);
    try {
      await result(api.DELETE("/v1/me", { body: { password } }));
      forgetAll("");
      session.end();
    } catch (error) {
      setFailure(error);
      setBusy(false);
    }
  }

  return (
    <Dialog title="Delete account" onClose={onClose}>
      <form onSubmit={submit} className="grid gap-4">
        <p>All conversations, keys and devices go with it. Nobody can bring them back.</p>
        {failure !== undefined && <Notice>{words(failure)}</Notice>}
        <PasswordField name="password" label="Password" fresh={false} />
        <div className="flex flex-wrap justify-end gap-2">
          <button type="button" className="button" onClick={onClose}>
            Keep it
          </button>
          <button type="submit" className="button button-bad" disabled={busy}>
            Delete for ever
          </button>
        </div>
      </form>
    </Dialog>
  );
}
