import type { ReactNode } from "react";
import { lastChat } from "@/lib/last-chat";
import { Icon } from "./icons";
import { PageLink } from "./page-link";

/** A page beside the chat: its name, and the way back. */
export function PageFrame({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="min-h-dvh">
      <header className="border-line border-b">
        <div className="column flex min-h-13 items-center gap-2">
          <PageLink
            href={lastChat()}
            className="icon-button -ml-2"
            aria-label="Back to the chat"
            title="Back to the chat"
          >
            <Icon name="back" />
          </PageLink>
          <h1 className="font-medium">{title}</h1>
        </div>
      </header>
      <main className="column grid gap-12 py-10 pb-24">{children}</main>
    </div>
  );
}

/** A part of a page, under a heading. */
export function Section({ title, intro, children }: { title: string; intro?: string; children: ReactNode }) {
  return (
    <section aria-label={title} className="grid min-w-0 gap-4">
      <header className="grid gap-1">
        <h2 className="font-semibold text-xl tracking-tight">{title}</h2>
        {intro && <p className="text-soft">{intro}</p>}
      </header>
      {children}
    </section>
  );
}
