"use client";

import { useMutation, useQuery } from "@tanstack/react-query";
import { Section } from "@/components/page-frame";
import { QueryView } from "@/components/query-view";
import { toast } from "@/components/toasts";
import { api, result } from "@/lib/api/client";
import { words } from "@/lib/api/errors";
import { queries } from "@/lib/queries";
import { ago } from "@/lib/time";

const KEY = ["admin", "running"];

/** The answers that are being written for everybody, without what they say. */
export function RunningSection() {
  const query = useQuery({
    queryKey: KEY,
    queryFn: () => result(api.GET("/v1/admin/generations", { params: { query: { limit: 100 } } })),
    refetchInterval: 3_000,
  });
  const stop = useMutation({
    mutationFn: (id: string) =>
      result(
        api.POST("/v1/admin/generations/{generation_id}/cancel", { params: { path: { generation_id: id } } }),
      ),
    onError: (error) => toast(words(error)),
    onSettled: () => queries.invalidateQueries({ queryKey: KEY }),
  });
  return (
    <Section title="Being answered" intro="What models are working on now, for everybody.">
      <QueryView query={query}>
        {({ items, cursor }) =>
          items.length === 0 ? (
            <p className="text-soft">Nothing is being answered.</p>
          ) : (
            <>
              <ul className="divide-y divide-line border-line border-y">
                {items.map((each) => (
                  <li key={each.id} className="flex flex-wrap items-center gap-x-4 gap-y-2 py-2">
                    <div className="min-w-0 flex-1 basis-56">
                      <p className="break-all font-medium">{each.email}</p>
                      <p className="text-sm text-soft tabular-nums">
                        {each.model}, {each.purpose === "title" && "a title, "}
                        {each.position
                          ? `number ${each.position} in line`
                          : `${each.completion_tokens} tokens so far`}
                        , begun {ago(each.created_at, Date.now())}
                      </p>
                    </div>
                    <button
                      type="button"
                      className="button"
                      aria-label={`Stop the answer to ${each.email}`}
                      disabled={each.cancel_requested_at !== null || stop.isPending}
                      onClick={() => stop.mutate(each.id)}
                    >
                      Stop
                    </button>
                  </li>
                ))}
              </ul>
              {cursor && <p className="text-soft">These are the newest hundred.</p>}
            </>
          )
        }
      </QueryView>
    </Section>
  );
}
