"use client";

import { type FormEvent, useState } from "react";

type Kind = "server" | "any" | "own";

/** How many tokens an account may use in a day: as many as all others, any number, or a number of its own. */
export function QuotaForm({
  quota,
  busy,
  onSet,
}: {
  quota: number | null;
  busy: boolean;
  onSet: (quota: number | null) => void;
}) {
  const [kind, setKind] = useState<Kind>(quota === null ? "server" : quota === 0 ? "any" : "own");

  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const tokens = Number(new FormData(event.currentTarget).get("tokens"));
    onSet(kind === "server" ? null : kind === "any" ? 0 : tokens);
  }

  return (
    <form onSubmit={submit} className="flex flex-wrap items-end gap-3">
      <label className="grid gap-1.5">
        <span className="font-medium">Tokens a day</span>
        <select className="field" value={kind} onChange={(event) => setKind(event.target.value as Kind)}>
          <option value="server">as everybody</option>
          <option value="any">any number</option>
          <option value="own">at most</option>
        </select>
      </label>
      {kind === "own" && (
        <input
          name="tokens"
          type="number"
          aria-label="Number of tokens"
          min={1}
          max={1_000_000_000}
          required
          defaultValue={quota || undefined}
          className="field w-36"
        />
      )}
      <button type="submit" className="button min-h-11" disabled={busy}>
        Set
      </button>
    </form>
  );
}
