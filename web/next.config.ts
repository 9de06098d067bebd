import type { NextConfig } from "next";

// One code base, two outputs: a standalone server for the container, and files for any static server.
const exporting = process.env.WEB_OUTPUT === "export";

// Only `next dev` speaks to the API itself; elsewhere a proxy, or the API's own server, gives both one origin.
const api = process.env.WEB_API_URL ?? "http://127.0.0.1:8080";

const config: NextConfig = {
  output: exporting ? "export" : "standalone",
  ...(exporting && { distDir: "out" }),
  // The proxy that makes nonces needs a server; its file name is a page's only where there is one.
  pageExtensions: exporting ? ["tsx", "ts"] : ["tsx", "ts", "server.ts"],
  typedRoutes: true,
  reactStrictMode: true,
  poweredByHeader: false,
  // A compressing server would hold a stream back until its end; the proxy in front compresses what may be compressed.
  compress: false,
  images: { unoptimized: true },
  // `npm run types` looks at all of it; whoever only builds need not wait for that.
  typescript: { ignoreBuildErrors: true },
  outputFileTracingRoot: import.meta.dirname,
  outputFileTracingExcludes: { "/*": ["node_modules/@img/**", "node_modules/sharp/**"] },
  env: { WEB_OUTPUT: exporting ? "export" : "standalone" },
  ...(process.env.NODE_ENV === "development" && {
    rewrites: async () => [{ source: "/v1/:path*", destination: `${api}/v1/:path*` }],
  }),
};

export default config;
