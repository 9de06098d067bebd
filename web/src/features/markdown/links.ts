/** Addresses that a model wrote: nothing that a page is led to may run, load or tell anything by itself. */

const HARMLESS = new Set(["http:", "https:", "mailto:"]);

/** Returns the address if it may be followed, as the browser understands it. */
export function safeAddress(href: string): string | undefined {
  // Without an origin of its own a link would lead into this application.
  if (!URL.canParse(href)) {
    return undefined;
  }
  const url = new URL(href);
  return HARMLESS.has(url.protocol) ? url.href : undefined;
}
