"use client";

import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { words } from "@/lib/api/errors";
import { Notice } from "./notice";

/** What was asked for, once it is there; until then that it comes, and if it does not, why. */
export function QueryView<Data>({
  query,
  children,
}: {
  query: Pick<UseQueryResult<Data>, "data" | "error" | "refetch">;
  children: (data: Data) => ReactNode;
}) {
  if (query.data !== undefined) {
    return children(query.data);
  }
  if (query.error) {
    return (
      <Notice
        action={
          <button type="button" className="button" onClick={() => void query.refetch()}>
            Try again
          </button>
        }
      >
        {words(query.error)}
      </Notice>
    );
  }
  return (
    <p role="status" className="animate-pulse text-soft">
      Loading…
    </p>
  );
}
