"use client";

import { useQuery } from "@tanstack/react-query";
import { Section } from "@/components/page-frame";
import { QueryView } from "@/components/query-view";
import { UsagePlot } from "@/components/usage-plot";
import { api, result } from "@/lib/api/client";

const MOST = 10;

/** What everybody used, by day, and who and which models the most. */
export function TotalsSection() {
  const days = useQuery({
    queryKey: ["admin", "usage", "day"],
    queryFn: () => result(api.GET("/v1/admin/usage", { params: { query: { by: "day", limit: 100 } } })),
  });
  return (
    <Section title="Usage" intro="Tokens that models read and wrote for everybody, by day (UTC).">
      <QueryView query={days}>
        {({ from, to, items }) => (
          <UsagePlot
            from={from}
            to={to}
            items={items.flatMap((row) => (row.day ? [{ ...row, day: row.day }] : []))}
          />
        )}
      </QueryView>
      <div className="grid gap-6 sm:grid-cols-2">
        <Most by="user" title="By account" />
        <Most by="model" title="By model" />
      </div>
    </Section>
  );
}

function Most({ by, title }: { by: "user" | "model"; title: string }) {
  const query = useQuery({
    queryKey: ["admin", "usage", by],
    queryFn: () => result(api.GET("/v1/admin/usage", { params: { query: { by, limit: 100 } } })),
  });
  return (
    <div className="min-w-0">
      <h3 className="pb-2 font-medium">{title}</h3>
      <QueryView query={query}>
        {({ items }) => {
          const rows = items
            .map((row) => ({
              name: (by === "user" ? row.email : row.model) ?? "deleted accounts",
              tokens: row.prompt_tokens + row.completion_tokens,
            }))
            .sort((one, other) => other.tokens - one.tokens)
            .slice(0, MOST);
          return (
            <ol className="divide-y divide-line border-line border-y text-sm">
              {rows.map(({ name, tokens }) => (
                <li key={name} className="flex justify-between gap-4 py-1.5">
                  <span className="min-w-0 truncate">{name}</span>
                  <span className="tabular-nums">{tokens.toLocaleString()}</span>
                </li>
              ))}
            </ol>
          );
        }}
      </QueryView>
    </div>
  );
}
