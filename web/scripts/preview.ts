/**
 * Serves an export and the API under one address, as `deeper dev` and a proxy do: pages by their clean names with the
 * headers that the export asks for, and everything below `/v1` from the API, streams unbuffered.
 *
 * `node scripts/preview.ts [pages]`, with PORT (0: any) and WEB_API_URL. `pages` is the folder of an export, or the
 * address of a server of pages.
 */
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { extname, join, normalize } from "node:path";
import { pathToFileURL } from "node:url";
import { constants, createBrotliCompress } from "node:zlib";

const TYPES: Record<string, string> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".woff2": "font/woff2",
};

const FAST = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } };

/** Starts serving, and returns where. */
export async function preview(
  pages: string,
  api: string,
  port: number,
): Promise<{ url: string; close: () => void }> {
  const elsewhere = pages.startsWith("http");
  const server = createServer((incoming, outgoing) => {
    const path = decodeURIComponent(new URL(incoming.url ?? "/", "http://localhost").pathname);
    if (path.startsWith("/v1/") || path.startsWith("/health")) {
      pass(api, incoming, outgoing);
    } else if (elsewhere) {
      pass(pages, incoming, outgoing);
    } else {
      void send(pages, path, incoming, outgoing).catch(() => outgoing.destroy());
    }
  });
  await new Promise<void>((done) => {
    server.listen(port, "127.0.0.1", done);
  });
  const address = server.address();
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${typeof address === "object" ? address?.port : port}`, close };
}

async function headersOf(folder: string): Promise<Record<string, string>> {
  const { headers } = JSON.parse(await readFile(join(folder, "csp.json"), "utf8")) as {
    headers: Record<string, string>;
  };
  return headers;
}

function pass(api: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const forward = request(
    new URL(incoming.url ?? "/", api),
    { method: incoming.method, headers: incoming.headers },
    (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
      answer.on("error", () => outgoing.destroy());
      // A stream that breaks off has to break off here, too.
      answer.on("aborted", () => outgoing.destroy());
    },
  );
  forward.on("error", () => {
    if (outgoing.headersSent) {
      outgoing.destroy();
    } else {
      outgoing.writeHead(502).end();
    }
  });
  outgoing.on("close", () => forward.destroy());
  incoming.pipe(forward);
}

async function send(
  folder: string,
  path: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  // Each time, for another build has other scripts.
  const headers = await headersOf(folder);
  const name = normalize(path).replace(/\/+$/, "");
  const tries = name === "" ? ["/index.html"] : [name, `${name}.html`];
  for (const each of tries) {
    const file = join(folder, each);
    if (file.startsWith(folder) && extname(file) && (await stat(file).catch(() => undefined))?.isFile()) {
      const cache = each.startsWith("/_next/static/") ? "public, max-age=31536000, immutable" : "no-cache";
      const type = TYPES[extname(file)] ?? "application/octet-stream";
      const known = { ...headers, "content-type": type, "cache-control": cache };
      // As a proxy in front of it would.
      if (!type.startsWith("font/") && /\bbr\b/.test(String(incoming.headers["accept-encoding"]))) {
        outgoing.writeHead(200, { ...known, "content-encoding": "br", vary: "accept-encoding" });
        createReadStream(file).pipe(createBrotliCompress(FAST)).pipe(outgoing);
      } else {
        outgoing.writeHead(200, known);
        createReadStream(file).pipe(outgoing);
      }
      return;
    }
  }
  outgoing.writeHead(404, { ...headers, "content-type": "text/html; charset=utf-8" });
  createReadStream(join(folder, "404.html")).pipe(outgoing);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [pages = "out"] = process.argv.slice(2);
  const api = process.env.WEB_API_URL ?? "http://127.0.0.1:8080";
  const from = pages.startsWith("http") ? pages : join(process.cwd(), pages);
  console.log((await preview(from, api, Number(process.env.PORT ?? 3000))).url);
}
