/** The one way to the API. */
import createClient from "openapi-fetch";
import { session } from "@/lib/session/browser";
import { baseUrl } from "./base";
import { errorOf, SessionEnded, Unreachable } from "./errors";
import type { paths } from "./schema";

/**
 * As `fetch`, signed in. A token that the server refuses is exchanged once.
 *
 * @throws SessionEnded, Unreachable, ApiError nothing was asked; an answer, whatever its status, is returned.
 */
export async function signedFetch(request: Request): Promise<Response> {
  const again = request.clone();
  const token = await session.token();
  const response = await send(request, token);
  if (response.status !== 401) {
    return response;
  }
  session.refuse(token);
  const second = await send(again, await session.token());
  if (second.status === 401) {
    session.end();
    throw new SessionEnded();
  }
  return second;
}

/** Sends a request; with `token`, as whoever it belongs to. */
async function send(request: Request, token: string | undefined): Promise<Response> {
  if (token !== undefined) {
    request.headers.set("Authorization", `Bearer ${token}`);
  }
  try {
    return await fetch(request);
  } catch (error) {
    if (request.signal.aborted) {
      throw error;
    }
    throw new Unreachable();
  }
}

export const api = createClient<paths>({ baseUrl, fetch: signedFetch });

/** For those who are not signed in yet. */
export const openApi = createClient<paths>({
  baseUrl,
  credentials: "include",
  fetch: (request) => send(request, undefined),
});

/** What came of a call. */
interface Outcome<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

/**
 * Returns what a call brought.
 *
 * @throws ApiError it was refused.
 */
export async function result<Data>(call: Promise<Outcome<Data>>): Promise<Data> {
  const { data, error, response } = await call;
  if (response.ok) {
    return data as Data;
  }
  throw await errorOf(Response.json(error ?? null, { status: response.status }));
}
