import type { Metadata } from "next";
import { PageLink } from "@/components/page-link";

export const metadata: Metadata = { title: "Not found" };

export default function NotFound() {
  return (
    <main className="column grid min-h-dvh content-center gap-4">
      <h1 className="font-semibold text-2xl">There is no such page</h1>
      <p className="text-soft">The address may be old, or have a letter wrong.</p>
      <PageLink href="/chat" className="button button-main justify-self-start">
        To your conversations
      </PageLink>
    </main>
  );
}
