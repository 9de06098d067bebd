/** What was asked of the API and may be shown again. */
import { QueryClient, type QueryKey } from "@tanstack/react-query";
import { ApiError, SessionEnded, Unreachable } from "./api/errors";

const COMES_BACK = 5_000;

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      retry: (failures, error) => failures < 3 && mayPass(error),
      retryDelay: (failures, error) => waitFor(error) ?? Math.min(500 * 2 ** failures, 8_000),
      // Whoever was away comes back, and nobody has to ask for what was missing meanwhile.
      refetchInterval: ({ state }) => (state.status === "error" && mayPass(state.error) ? COMES_BACK : false),
    },
    mutations: { retry: false },
  },
});

/**
 * Asks anew for all that is shown of this. What is being asked already is dropped: it may tell how things were before,
 * and where nothing had been shown yet, its answer would count as new, however late it comes.
 */
export async function askAnew(queryKey: QueryKey): Promise<void> {
  await queries.cancelQueries({ queryKey });
  await queries.invalidateQueries({ queryKey });
}

function mayPass(error: unknown): boolean {
  if (error instanceof SessionEnded) {
    return false;
  }
  return (
    error instanceof Unreachable ||
    (error instanceof ApiError && (error.status >= 500 || error.status === 429))
  );
}

function waitFor(error: unknown): number | undefined {
  return error instanceof ApiError && error.retryAfter ? error.retryAfter * 1000 : undefined;
}
