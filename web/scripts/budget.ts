/**
 * Says how much script each page of an export loads before it can be used, compressed as a server compresses it, and
 * fails where it is more than the page may have.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

// Kilobytes of brotli. Sizes are those of the whole first load, React and Next included.
const BUDGET = 140;
const PAGES = ["login", "signup", "chat", "settings", "admin"];

const [folder = "out"] = process.argv.slice(2);
let over = false;
for (const page of PAGES) {
  const html = await readFile(join(folder, `${page}.html`), "utf8");
  // Scripts without modules are for browsers that do not run this at all.
  const scripts = new Set(
    Array.from(html.matchAll(/<script(?![^>]*nomodule)[^>]*\ssrc="([^"?]+)/gi), ([, source = ""]) => source),
  );
  let bytes = 0;
  for (const script of scripts) {
    const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
    bytes += brotliCompressSync(await readFile(join(folder, script)), quality).length;
  }
  const kilobytes = bytes / 1000;
  over ||= kilobytes > BUDGET;
  console.log(
    `${page.padEnd(10)}${kilobytes.toFixed(1).padStart(7)} kB of ${BUDGET} in ${scripts.size} scripts`,
  );
}
process.exitCode = over ? 1 : 0;
