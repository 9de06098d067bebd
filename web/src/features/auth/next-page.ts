"use client";

import type { Route } from "next";
import { useSyncExternalStore } from "react";

const PAGES = ["/chat", "/settings", "/admin"];

/** Where to go after signing in: one of our own pages, whatever a link may say. */
export function nextPage(wanted: string | null): Route {
  const page = PAGES.find((each) => wanted === each || wanted?.startsWith(`${each}?`));
  return (page && wanted ? wanted : "/chat") as Route;
}

const never = () => () => undefined;

/** What the address says of where to go. Pages are made before there is an address, and have their form all the same. */
export function useWanted(): string | null {
  return useSyncExternalStore(
    never,
    () => new URLSearchParams(location.search).get("next"),
    () => null,
  );
}
