/**
 * Writes `csp.json` into an export: the headers with which its pages are to be served. The scripts inside the pages
 * are told by their hashes, so that no other one runs.
 *
 * A server that sends these headers serves `/chat` from `chat.html`, and what is missing from `404.html`.
 */
import { createHash } from "node:crypto";
import { glob, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HEADERS, policy } from "../src/lib/policy.ts";

const [folder = "out"] = process.argv.slice(2);
const hashes = new Set<string>();
for await (const page of glob("**/*.html", { cwd: folder })) {
  const html = await readFile(join(folder, page), "utf8");
  for (const [, attributes = "", script = ""] of html.matchAll(/<script([^>]*)>([\s\S]*?)<\/script>/g)) {
    if (!/\ssrc=/.test(attributes) && script !== "") {
      hashes.add(`'sha256-${createHash("sha256").update(script).digest("base64")}'`);
    }
  }
}
const headers = { "content-security-policy": policy(["'self'", ...[...hashes].sort()]), ...HEADERS };
await writeFile(join(folder, "csp.json"), `${JSON.stringify({ headers }, null, 2)}\n`);
console.log(`${hashes.size} scripts in pages`);
