"use client";

import { useQuery } from "@tanstack/react-query";
import { Section } from "@/components/page-frame";
import { QueryView } from "@/components/query-view";
import { api, result } from "@/lib/api/client";
import { sentence } from "@/lib/api/errors";

/** Who writes the answers, and whether they can. */
export function ServersSection() {
  const query = useQuery({
    queryKey: ["admin", "servers"],
    queryFn: () => result(api.GET("/v1/admin/model-servers")),
    refetchInterval: 10_000,
  });
  return (
    <Section title="Model servers">
      <QueryView query={query}>
        {({ items }) => (
          <ul className="divide-y divide-line border-line border-y">
            {items.map(({ name, ready, error }) => (
              <li key={name} className="flex flex-wrap items-baseline gap-x-4 py-2">
                <span className="font-medium">{name}</span>
                <span className={ready ? "text-good" : "text-bad"}>
                  {ready ? "answers" : error ? sentence({ code: error, message: error }) : "does not answer"}
                </span>
              </li>
            ))}
          </ul>
        )}
      </QueryView>
    </Section>
  );
}
