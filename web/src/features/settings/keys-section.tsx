"use client";

import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { CopyButton } from "@/components/copy-button";
import { Dialog } from "@/components/dialog";
import { Section } from "@/components/page-frame";
import { QueryView } from "@/components/query-view";
import { toast } from "@/components/toasts";
import { api, result } from "@/lib/api/client";
import { words } from "@/lib/api/errors";
import type { KeyScope, MadeKey } from "@/lib/api/types";
import { queries } from "@/lib/queries";
import { ago, onDay } from "@/lib/time";

const KEY = ["api-keys"];

export function KeysSection() {
  const [made, setMade] = useState<MadeKey>();
  const query = useQuery({ queryKey: KEY, queryFn: () => result(api.GET("/v1/api-keys")) });
  const revoke = useMutation({
    mutationFn: (id: string) =>
      result(api.DELETE("/v1/api-keys/{key_id}", { params: { path: { key_id: id } } })),
    onError: (error) => toast(words(error)),
    onSettled: () => queries.invalidateQueries({ queryKey: KEY }),
  });
  return (
    <Section title="API keys" intro="For programs of yours, also those that speak OpenAI's API.">
      <QueryView query={query}>
        {({ items }) =>
          items.length > 0 && (
            <ul className="divide-y divide-line border-line border-y">
              {items.map((key) => (
                <li key={key.id} className="flex flex-wrap items-center gap-x-4 gap-y-2 py-3">
                  <div className="min-w-0 flex-1 basis-56">
                    <p className="break-words font-medium">{key.name}</p>
                    <p className="text-sm text-soft">
                      <code>{key.prefix}…</code> {key.scopes.includes("chat") ? "may chat" : "may read"},{" "}
                      {key.last_used_at ? `last used ${ago(key.last_used_at, Date.now())}` : "never used"}
                      {key.expires_at && `, until ${onDay(key.expires_at)}`}
                    </p>
                  </div>
                  <button
                    type="button"
                    className="button"
                    aria-label={`Revoke ${key.name}`}
                    disabled={revoke.isPending}
                    onClick={() =>
                      confirm(`Revoke “${key.name}”? Programs that use it are turned away from now on.`) &&
                      revoke.mutate(key.id)
                    }
                  >
                    Revoke
                  </button>
                </li>
              ))}
            </ul>
          )
        }
      </QueryView>
      <KeyForm onMade={setMade} />
      {made && (
        <Dialog title={`Key “${made.name}”`} onClose={() => setMade(undefined)}>
          <p className="pb-4">Copy it now: it is shown this once.</p>
          <p className="flex items-center gap-2 rounded-md bg-panel py-1 pr-1 pl-4">
            <code className="min-w-0 flex-1 break-all">{made.key}</code>
            <CopyButton text={made.key} label="Copy key" />
          </p>
        </Dialog>
      )}
    </Section>
  );
}

function KeyForm({ onMade }: { onMade: (key: MadeKey) => void }) {
  const make = useMutation({
    mutationFn: (body: { name: string; scopes: KeyScope[]; expires_in_days: number | null }) =>
      result(api.POST("/v1/api-keys", { body })),
    onSuccess: onMade,
    onError: (error) => toast(words(error)),
    onSettled: () => queries.invalidateQueries({ queryKey: KEY }),
  });

  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const form = event.currentTarget;
    const data = new FormData(form);
    const days = Number(data.get("days"));
    make.mutate(
      {
        name: String(data.get("name")).trim(),
        scopes: [data.get("scope") === "read" ? "read" : "chat"],
        expires_in_days: days > 0 ? days : null,
      },
      { onSuccess: () => form.reset() },
    );
  }

  return (
    <form onSubmit={submit} className="grid items-end gap-3 sm:grid-cols-[1fr_auto_auto_auto]">
      <label className="grid gap-1.5">
        <span className="font-medium">Name</span>
        <input
          name="name"
          required
          maxLength={100}
          pattern=".*\S.*"
          placeholder="What it is for"
          className="field"
        />
      </label>
      <label className="grid gap-1.5">
        <span className="font-medium">May</span>
        <select name="scope" className="field">
          <option value="chat">chat</option>
          <option value="read">only read</option>
        </select>
      </label>
      <label className="grid gap-1.5">
        <span className="font-medium">Lasts</span>
        <select name="days" className="field" defaultValue="90">
          <option value="30">30 days</option>
          <option value="90">90 days</option>
          <option value="365">a year</option>
          <option value="0">for ever</option>
        </select>
      </label>
      <button type="submit" className="button min-h-11" disabled={make.isPending}>
        Make a key
      </button>
    </form>
  );
}
