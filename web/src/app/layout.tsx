import type { Metadata, Viewport } from "next";
import { headers } from "next/headers";
import type { ReactNode } from "react";
import { Announcer } from "@/components/announcer";
import { Toasts } from "@/components/toasts";
import { code, text } from "./fonts";
import { Providers } from "./providers";
import "./globals.css";
import "./prose.css";

export const metadata: Metadata = {
  title: { default: "DeeperSensor", template: "%s · DeeperSensor" },
  description: "Chat with the language models of your own server.",
};

export const viewport: Viewport = {
  width: "device-width",
  initialScale: 1,
  viewportFit: "cover",
  interactiveWidget: "resizes-content",
  themeColor: [
    { media: "(prefers-color-scheme: light)", color: "#fbfaf6" },
    { media: "(prefers-color-scheme: dark)", color: "#0f1518" },
  ],
};

export default async function RootLayout({ children }: { children: ReactNode }) {
  // A server makes a nonce for each page; of an export, the hashes of its scripts are known beforehand.
  const nonce =
    process.env.WEB_OUTPUT === "export" ? undefined : ((await headers()).get("x-nonce") ?? undefined);
  return (
    // The theme that was chosen is set before anything is drawn, and before React sees the page.
    <html lang="en" className={`${text.variable} ${code.variable}`} suppressHydrationWarning>
      <head>
        {/* Not later: it has to run before the first picture, or the page flashes. */}
        <script src="/theme.js" nonce={nonce} suppressHydrationWarning />
      </head>
      <body>
        <Providers>{children}</Providers>
        <Announcer />
        <Toasts />
        <noscript>
          <p className="p-8">This page needs JavaScript.</p>
        </noscript>
      </body>
    </html>
  );
}
