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
  // It stands still: words that fade are below the contrast that WCAG 1.4.3 asks for.
  return (
    <p role="status" className="text-soft">
      Loading…
    </p>
  );
}
