/** What is done with conversations apart from talking in them. */
import { type InfiniteData, useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { toast } from "@/components/toasts";
import { baseUrl } from "@/lib/api/base";
import { api, result, signedFetch } from "@/lib/api/client";
import { errorOf, words } from "@/lib/api/errors";
import type { Conversation } from "@/lib/api/types";
import { download } from "@/lib/download";
import { queries } from "@/lib/queries";
import { conversations } from "../model/conversations";

interface Page {
  items: Conversation[];
  cursor: string | null;
}

type Pages = InfiniteData<Page, string | undefined>;

export function useConversationList(archived: boolean) {
  return useInfiniteQuery({
    queryKey: ["conversations", "list", archived],
    queryFn: ({ pageParam }) =>
      result(
        api.GET("/v1/conversations", {
          params: { query: { archived, limit: 40, ...(pageParam && { cursor: pageParam }) } },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.cursor ?? undefined,
  });
}

/** The title of a conversation, as the lists have it, or else as it was asked for by itself. */
export function useConversationTitle(id: string | undefined): string | undefined {
  const listed = useSyncExternalStore(
    // Others tell that a component begins to ask, while it is being drawn: nothing else may be drawn anew then.
    (listener) =>
      queries.getQueryCache().subscribe(({ type }) => {
        if (type === "updated" || type === "removed") {
          listener();
        }
      }),
    () => listedTitle(id),
    () => undefined,
  );
  const { data } = useQuery({
    queryKey: ["conversations", "one", id],
    queryFn: () =>
      result(
        api.GET("/v1/conversations/{conversation_id}", { params: { path: { conversation_id: id ?? "" } } }),
      ),
    enabled: id !== undefined && listed === undefined,
  });
  return listed ?? data?.title;
}

function listedTitle(id: string | undefined): string | undefined {
  const lists = queries.getQueriesData<Pages>({ queryKey: ["conversations", "list"] });
  return lists
    .flatMap(([, data]) => data?.pages ?? [])
    .flatMap((page) => page.items)
    .find((each) => each.id === id)?.title;
}

/** Changes what all lists show of conversations, and returns how to take that back. */
export function changeLists(change: (items: Conversation[]) => Conversation[]): () => void {
  void queries.cancelQueries({ queryKey: ["conversations", "list"] });
  const before = queries.getQueriesData<Pages>({ queryKey: ["conversations", "list"] });
  queries.setQueriesData<Pages>(
    { queryKey: ["conversations", "list"] },
    (data) => data && { ...data, pages: data.pages.map((page) => ({ ...page, items: change(page.items) })) },
  );
  return () => {
    for (const [key, data] of before) {
      queries.setQueryData(key, data);
    }
  };
}

/** Another title, or into the archive or out of it; seen at once, and taken back if the server does not follow. */
export function useChange() {
  return useMutation({
    mutationFn: ({ id, ...body }: { id: string; title?: string; archived?: boolean }) =>
      result(
        api.PATCH("/v1/conversations/{conversation_id}", { params: { path: { conversation_id: id } }, body }),
      ),
    onMutate: ({ id, title, archived }) =>
      changeLists((items) =>
        archived === undefined
          ? items.map((each) => (each.id === id && title ? { ...each, title } : each))
          : items.filter((each) => each.id !== id),
      ),
    onError: (error, _, takeBack) => {
      takeBack?.();
      toast(words(error));
    },
    onSettled: (_, __, { id }) => conversations.tell(id),
  });
}

export async function exportConversation(
  { id, title }: Conversation,
  format: "json" | "markdown",
): Promise<void> {
  const url = new URL(`${baseUrl}/v1/conversations/${id}/export?format=${format}`, location.href);
  try {
    const response = await signedFetch(new Request(url));
    if (!response.ok) {
      throw await errorOf(response);
    }
    download(await response.blob(), `${title || "conversation"}.${format === "json" ? "json" : "md"}`);
  } catch (error) {
    toast(words(error));
  }
}
