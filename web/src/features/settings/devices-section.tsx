"use client";

import { useMutation, useQuery } from "@tanstack/react-query";
import { Section } from "@/components/page-frame";
import { QueryView } from "@/components/query-view";
import { toast } from "@/components/toasts";
import { api, result } from "@/lib/api/client";
import { words } from "@/lib/api/errors";
import { queries } from "@/lib/queries";
import { ago } from "@/lib/time";
import { deviceName } from "./device-names";

const KEY = ["sessions"];

export function DevicesSection() {
  const query = useQuery({ queryKey: KEY, queryFn: () => result(api.GET("/v1/auth/sessions")) });
  const end = useMutation({
    mutationFn: (id: string | undefined) =>
      id === undefined
        ? result(api.DELETE("/v1/auth/sessions"))
        : result(api.DELETE("/v1/auth/sessions/{session_id}", { params: { path: { session_id: id } } })),
    onError: (error) => toast(words(error)),
    onSettled: () => queries.invalidateQueries({ queryKey: KEY }),
  });
  return (
    <Section title="Devices" intro="Where you are signed in.">
      <QueryView query={query}>
        {(sessions) => (
          <>
            <ul className="divide-y divide-line border-line border-y">
              {sessions.map((session) => (
                <li key={session.id} className="flex flex-wrap items-center gap-x-4 gap-y-2 py-3">
                  <div className="min-w-0 flex-1 basis-56">
                    <p className="font-medium">
                      {deviceName(session.user_agent)}
                      {session.current && <span className="ml-2 text-good text-sm">this device</span>}
                    </p>
                    <p className="text-sm text-soft">
                      {session.ip_address ?? "unknown address"}, last used{" "}
                      {ago(session.last_used_at, Date.now())}
                    </p>
                  </div>
                  {!session.current && (
                    <button
                      type="button"
                      className="button"
                      aria-label={`Sign out ${deviceName(session.user_agent)}`}
                      disabled={end.isPending}
                      onClick={() => end.mutate(session.id)}
                    >
                      Sign out
                    </button>
                  )}
                </li>
              ))}
            </ul>
            {sessions.length > 1 && (
              <button
                type="button"
                className="button button-bad justify-self-start"
                disabled={end.isPending}
                onClick={() => end.mutate(undefined)}
              >
                Sign out all others
              </button>
            )}
          </>
        )}
      </QueryView>
    </Section>
  );
}
