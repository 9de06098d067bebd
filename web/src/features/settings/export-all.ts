import { api, result } from "@/lib/api/client";
import { download } from "@/lib/download";

/**
 * Saves all conversations, archived ones too, as one file; each in it is as the API takes it back.
 *
 * @returns how many there were.
 */
export async function exportAll(onProgress: (done: number) => void): Promise<number> {
  const documents: unknown[] = [];
  for (const archived of [false, true]) {
    for await (const id of ids(archived)) {
      const call = api.GET("/v1/conversations/{conversation_id}/export", {
        params: { path: { conversation_id: id } },
      });
      documents.push(await result(call));
      onProgress(documents.length);
    }
  }
  const day = new Date().toISOString().slice(0, 10);
  download(
    new Blob([JSON.stringify(documents, null, 1)], { type: "application/json" }),
    `conversations-${day}.json`,
  );
  return documents.length;
}

async function* ids(archived: boolean): AsyncGenerator<string> {
  let cursor: string | null | undefined;
  do {
    const query = { archived, limit: 100, ...(cursor && { cursor }) };
    const page = await result(api.GET("/v1/conversations", { params: { query } }));
    yield* page.items.map(({ id }) => id);
    cursor = page.cursor;
  } while (cursor);
}
