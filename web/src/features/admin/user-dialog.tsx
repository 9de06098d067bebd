"use client";

import { useMutation, useQuery } from "@tanstack/react-query";
import { Dialog } from "@/components/dialog";
import { QueryView } from "@/components/query-view";
import { toast } from "@/components/toasts";
import { api, result } from "@/lib/api/client";
import { words } from "@/lib/api/errors";
import type { Account, UserChange } from "@/lib/api/types";
import { queries } from "@/lib/queries";
import { useMe } from "@/lib/session/use-session";
import { ago } from "@/lib/time";
import { QuotaForm } from "./quota-form";

/** An account: how much there is of it, and what an administrator may do. */
export function UserDialog({ account: { id, email }, onClose }: { account: Account; onClose: () => void }) {
  const { data: me } = useMe();
  const params = { path: { user_id: id } };
  const query = useQuery({
    queryKey: ["admin", "user", id],
    queryFn: () => result(api.GET("/v1/admin/users/{user_id}", { params })),
  });
  const settled = () => queries.invalidateQueries({ queryKey: ["admin"] });
  const onError = (error: unknown) => toast(words(error));
  const change = useMutation({
    mutationFn: (body: UserChange) => result(api.PATCH("/v1/admin/users/{user_id}", { params, body })),
    onError,
    onSettled: settled,
  });
  const signOut = useMutation({
    mutationFn: () => result(api.DELETE("/v1/admin/users/{user_id}/sessions", { params })),
    onError,
    onSettled: settled,
  });
  const remove = useMutation({
    mutationFn: () => result(api.DELETE("/v1/admin/users/{user_id}", { params })),
    onSuccess: onClose,
    onError,
    onSettled: settled,
  });
  const own = me?.id === id;
  return (
    <Dialog title={email} onClose={onClose}>
      <QueryView query={query}>
        {(user) => (
          <div className="grid gap-6">
            <dl className="grid grid-cols-[1fr_auto] gap-x-6 gap-y-1 tabular-nums">
              <Fact
                name="Last seen"
                value={user.last_seen_at ? ago(user.last_seen_at, Date.now()) : "never"}
              />
              <Fact name="Conversations" value={user.conversations} />
              <Fact name="Devices" value={user.sessions} />
              <Fact name="API keys" value={user.api_keys} />
              <Fact
                name="Tokens in 30 days"
                value={(user.usage.prompt_tokens + user.usage.completion_tokens).toLocaleString()}
              />
            </dl>
            <QuotaForm
              key={String(user.tokens_per_day)}
              quota={user.tokens_per_day}
              busy={change.isPending}
              onSet={(tokens_per_day) => change.mutate({ tokens_per_day })}
            />
            <div className="flex flex-wrap gap-2">
              <button
                type="button"
                className="button"
                disabled={own || change.isPending}
                onClick={() => change.mutate({ role: user.role === "admin" ? "user" : "admin" })}
              >
                {user.role === "admin" ? "Make an ordinary user" : "Make an administrator"}
              </button>
              <button
                type="button"
                className="button"
                disabled={signOut.isPending}
                onClick={() => signOut.mutate()}
              >
                Sign out everywhere
              </button>
              <button
                type="button"
                className="button"
                disabled={own || change.isPending}
                onClick={() => change.mutate({ disabled: !user.disabled_at })}
              >
                {user.disabled_at ? "Let in again" : "Disable"}
              </button>
              <button
                type="button"
                className="button button-bad"
                disabled={own || remove.isPending}
                onClick={() => confirm(`Delete ${email} and everything of it, for ever?`) && remove.mutate()}
              >
                Delete
              </button>
            </div>
          </div>
        )}
      </QueryView>
    </Dialog>
  );
}

function Fact({ name, value }: { name: string; value: string | number }) {
  return (
    <div className="contents">
      <dt className="text-soft">{name}</dt>
      <dd className="text-right">{value}</dd>
    </div>
  );
}
