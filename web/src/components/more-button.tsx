import type { UseInfiniteQueryResult } from "@tanstack/react-query";

type Pages = Pick<UseInfiniteQueryResult, "hasNextPage" | "isFetchingNextPage" | "fetchNextPage">;

/** Asks for the next page of a list, as long as there is one. */
export function MoreButton({ query }: { query: Pages }) {
  return (
    query.hasNextPage && (
      <button
        type="button"
        className="button justify-self-start"
        disabled={query.isFetchingNextPage}
        onClick={() => void query.fetchNextPage()}
      >
        Show more
      </button>
    )
  );
}
