/** What pages may do. The same for both outputs, but for how they tell their own scripts from others. */

export const HEADERS = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), interest-cohort=()",
  "referrer-policy": "no-referrer",
  "strict-transport-security": "max-age=63072000; includeSubDomains",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
} as const;

/** The content security policy that lets the scripts run that `scripts` names. */
export function policy(scripts: readonly string[]): string {
  const development = process.env.NODE_ENV === "development";
  return [
    "default-src 'none'",
    `script-src ${scripts.join(" ")}`,
    // The hot reloading of development writes styles into the page.
    `style-src 'self'${development ? " 'unsafe-inline'" : ""}`,
    // Images are those that somebody attached: of the page itself, never of an address that a model wrote.
    "img-src 'self' blob: data:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join("; ");
}
