"use client";

import type { Route } from "next";
import type { ComponentProps, MouseEvent } from "react";
import { useGoTo } from "@/lib/navigation";

/**
 * A link to another page of ours. Next's own link fetches ahead what it leads to, which costs more script than all
 * links here save: the pages are few, and what is in them comes from the API.
 */
export function PageLink({ href, onClick, ...rest }: Omit<ComponentProps<"a">, "href"> & { href: Route }) {
  const goTo = useGoTo();

  function follow(event: MouseEvent<HTMLAnchorElement>): void {
    onClick?.(event);
    const elsewhere = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0;
    if (!elsewhere && !event.defaultPrevented) {
      event.preventDefault();
      goTo(href);
    }
  }

  return <a href={href} onClick={follow} {...rest} />;
}
