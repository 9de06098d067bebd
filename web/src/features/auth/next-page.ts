import type { Route } from "next";

const PAGES = ["/chat", "/settings", "/admin"];

/** Where to go after signing in: one of our own pages, whatever a link may say. */
export function nextPage(wanted: string | null): Route {
  const page = PAGES.find((each) => wanted === each || wanted?.startsWith(`${each}?`));
  return (page && wanted ? wanted : "/chat") as Route;
}
