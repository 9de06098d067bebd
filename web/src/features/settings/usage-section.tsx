"use client";

import { useQuery } from "@tanstack/react-query";
import { Section } from "@/components/page-frame";
import { QueryView } from "@/components/query-view";
import { UsagePlot } from "@/components/usage-plot";
import { api, result } from "@/lib/api/client";

export function UsageSection() {
  const query = useQuery({ queryKey: ["usage"], queryFn: () => result(api.GET("/v1/usage")) });
  return (
    <Section title="Usage" intro="Tokens that models read and wrote for you, by day (UTC).">
      <QueryView query={query}>
        {(usage) => <UsagePlot from={usage.from} to={usage.to} items={usage.items} />}
      </QueryView>
    </Section>
  );
}
