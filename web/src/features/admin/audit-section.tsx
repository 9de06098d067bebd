"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import { Fragment, useState } from "react";
import { MoreButton } from "@/components/more-button";
import { Section } from "@/components/page-frame";
import { QueryView } from "@/components/query-view";
import { deviceName } from "@/features/settings/device-names";
import { api, result } from "@/lib/api/client";
import type { operations } from "@/lib/api/schema";
import type { AuditEvent } from "@/lib/api/types";

type Kind = NonNullable<NonNullable<operations["listAuditEvents"]["parameters"]["query"]>["kind"]>;

// A record, so that a kind that the API has and this page has not is an error.
const KINDS = Object.keys({
  account_created: 1,
  account_deleted: 1,
  account_disabled: 1,
  account_enabled: 1,
  api_key_made: 1,
  api_key_revoked: 1,
  api_key_used_after_expiry: 1,
  api_key_used_after_revocation: 1,
  generation_cancelled: 1,
  logged_in: 1,
  login_failed: 1,
  password_changed: 1,
  password_refused: 1,
  quota_changed: 1,
  refresh_token_reused: 1,
  role_changed: 1,
  session_revoked: 1,
  signed_up: 1,
} satisfies Record<Kind, 1>);

/** What happened to accounts, sessions and keys. */
export function AuditSection() {
  const [kind, setKind] = useState("");
  const query = useInfiniteQuery({
    queryKey: ["audit", kind],
    queryFn: ({ pageParam }) =>
      result(
        api.GET("/v1/admin/audit", {
          params: {
            query: {
              limit: 50,
              ...(pageParam && { cursor: pageParam }),
              ...(kind && { kind: kind as Kind }),
            },
          },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.cursor ?? undefined,
  });
  return (
    <Section title="What happened" intro="To accounts, sessions and keys, in the last 180 days.">
      <label className="flex items-center gap-3 justify-self-start">
        <span className="font-medium">Show</span>
        <select className="field" value={kind} onChange={(event) => setKind(event.target.value)}>
          <option value="">everything</option>
          {KINDS.map((each) => (
            <option key={each} value={each}>
              {spoken(each)}
            </option>
          ))}
        </select>
      </label>
      <QueryView query={query}>
        {({ pages }) => {
          const events = pages.flatMap((page) => page.items);
          return events.length === 0 ? (
            <p className="text-soft">Nothing of this kind.</p>
          ) : (
            <ol className="divide-y divide-line border-line border-y">
              {events.map((event) => (
                <Event key={event.id} event={event} />
              ))}
            </ol>
          );
        }}
      </QueryView>
      <MoreButton query={query} />
    </Section>
  );
}

function Event({ event }: { event: AuditEvent }) {
  return (
    <li className="py-2">
      <details>
        <summary className="flex min-h-8 list-none flex-wrap items-baseline gap-x-4">
          <time dateTime={event.at} className="text-soft text-sm tabular-nums">
            {new Date(event.at).toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" })}
          </time>
          <span className="flex-1 font-medium">{spoken(event.kind)}</span>
          <span className="text-sm text-soft">{event.ip_address}</span>
        </summary>
        <dl className="grid grid-cols-[auto_1fr] gap-x-4 py-2 text-sm">
          {facts(event).map(([name, value]) => (
            <Fragment key={name}>
              <dt className="text-soft">{name}</dt>
              <dd className="break-all">{value}</dd>
            </Fragment>
          ))}
        </dl>
      </details>
    </li>
  );
}

function facts(event: AuditEvent): [string, string][] {
  const details = Object.entries(event.details).map(([name, value]): [string, string] => [
    spoken(name),
    String(value),
  ]);
  const known: [string, string | null][] = [
    ["By", event.actor_id],
    ["Account", event.subject_id],
    ["Device", event.user_agent && deviceName(event.user_agent)],
  ];
  return [...known.filter((fact): fact is [string, string] => fact[1] !== null), ...details];
}

function spoken(kind: string): string {
  const words = kind.replaceAll("_", " ").replaceAll(".", ": ");
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}
