/** Security headers for pages, with a nonce of its own for each. Only a server runs this; see `scripts/csp.ts`. */
import { type NextRequest, NextResponse } from "next/server";
import { HEADERS, policy } from "./lib/policy";

export function proxy(request: NextRequest): NextResponse {
  const nonce = btoa(crypto.randomUUID());
  const content = policy(
    process.env.NODE_ENV === "development"
      ? ["'self'", "'unsafe-inline'", "'unsafe-eval'"]
      : ["'self'", `'nonce-${nonce}'`],
  );
  const headers = new Headers(request.headers);
  headers.set("x-nonce", nonce);
  // Next reads its nonce from here.
  headers.set("content-security-policy", content);
  const response = NextResponse.next({ request: { headers } });
  response.headers.set("content-security-policy", content);
  for (const [name, value] of Object.entries(HEADERS)) {
    response.headers.set(name, value);
  }
  return response;
}

export const config = { matcher: "/((?!_next/static|v1/).*)" };
