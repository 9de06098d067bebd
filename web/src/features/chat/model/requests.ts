/** What the chat asks of the API. */

import { baseUrl } from "@/lib/api/base";
import { api, result, signedFetch } from "@/lib/api/client";
import type { ChatBody, GenerationView, MessagePage } from "@/lib/api/types";
import { pause } from "@/lib/network";
import type { Source } from "@/lib/stream/follow";

const EVENTS = { Accept: "text/event-stream" };

/** What is asked, in the words of the API, under a key that makes asking again harmless. */
export function questionSource(body: ChatBody, key: string): Source {
  const ask = (signal: AbortSignal) =>
    signedFetch(
      new Request(url("/v1/chat"), {
        method: "POST",
        headers: { ...EVENTS, "Content-Type": "application/json", "Idempotency-Key": key },
        body: JSON.stringify(body),
        signal,
      }),
    );
  return { ...generationSource, ask };
}

/** An answer that was asked for before, or elsewhere. */
export const generationSource: Source = {
  resume: (generationId, after, signal) => {
    const headers = after === undefined ? EVENTS : { ...EVENTS, "Last-Event-ID": String(after) };
    return signedFetch(new Request(url(`/v1/generations/${generationId}/events`), { headers, signal }));
  },
  pause,
};

// A request outside a page's own fetch has to be whole.
function url(path: string): string {
  return new URL(`${baseUrl}${path}`, location.href).href;
}

export interface Place {
  /** The path from this message up; `newest`: from the one that came last. */
  leaf?: string;
  /** The path through this message. */
  through?: string;
  cursor?: string;
}

export function fetchPath(conversationId: string, place: Place): Promise<MessagePage> {
  return result(
    api.GET("/v1/conversations/{conversation_id}/messages", {
      // What is older is for somebody who reads upwards, and has a long way to go.
      params: {
        path: { conversation_id: conversationId },
        query: { ...place, limit: place.cursor ? 100 : 50 },
      },
    }),
  );
}

export function cancel(generationId: string): Promise<GenerationView> {
  return result(
    api.POST("/v1/generations/{generation_id}/cancel", { params: { path: { generation_id: generationId } } }),
  );
}
