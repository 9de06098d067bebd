"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { MoreButton } from "@/components/more-button";
import { Section } from "@/components/page-frame";
import { QueryView } from "@/components/query-view";
import { api, result } from "@/lib/api/client";
import type { Account } from "@/lib/api/types";
import { onDay } from "@/lib/time";
import { UserDialog } from "./user-dialog";

/** The accounts, and what may be done with each. */
export function UsersSection() {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState<Account>();
  const search = useDeferredValue(text.trim());
  const query = useInfiniteQuery({
    queryKey: ["admin", "users", search],
    queryFn: ({ pageParam }) =>
      result(
        api.GET("/v1/admin/users", {
          params: {
            query: { limit: 25, ...(search && { search }), ...(pageParam && { cursor: pageParam }) },
          },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.cursor ?? undefined,
  });
  return (
    <Section title="Accounts">
      <input
        type="text"
        className="field max-w-sm"
        aria-label="Search accounts"
        placeholder="Part of an e-mail address"
        maxLength={320}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <QueryView query={query}>
        {({ pages }) => {
          const accounts = pages.flatMap((page) => page.items);
          return accounts.length === 0 ? (
            <p className="text-soft">No such account.</p>
          ) : (
            <ul className="divide-y divide-line border-line border-y">
              {accounts.map((account) => (
                <li key={account.id}>
                  <button
                    type="button"
                    className="flex min-h-12 w-full flex-wrap items-baseline gap-x-4 py-2 text-left hover:text-deep"
                    onClick={() => setChosen(account)}
                  >
                    <span className="min-w-0 flex-1 basis-56 break-all font-medium">{account.email}</span>
                    <span className="text-sm text-soft">{standing(account)}</span>
                  </button>
                </li>
              ))}
            </ul>
          );
        }}
      </QueryView>
      <MoreButton query={query} />
      {chosen && <UserDialog account={chosen} onClose={() => setChosen(undefined)} />}
    </Section>
  );
}

function standing({ role, disabled_at, created_at }: Account): string {
  const said = [role === "admin" && "administrator", disabled_at && "disabled", `since ${onDay(created_at)}`];
  return said.filter(Boolean).join(", ");
}
