"use client";

import { useQuery } from "@tanstack/react-query";
import dynamic from "next/dynamic";
import { Section } from "@/components/page-frame";
import { QueryView } from "@/components/query-view";
import { api, result } from "@/lib/api/client";

const UsagePlot = dynamic(() => import("@/components/usage-plot").then((module) => module.UsagePlot), {
  ssr: false,
});

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
