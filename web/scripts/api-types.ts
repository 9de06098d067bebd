/**
 * Writes the types of the API, made of its OpenAPI document: of the one that is checked in, or of what
 * `API_DOCUMENT` names (a file, or the address of a running server's document).
 *
 * With `--check` nothing is written, and the types that are there have to be those.
 */
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const target = new URL("../src/lib/api/schema.d.ts", import.meta.url);
const source = process.env.API_DOCUMENT ?? new URL("../../packages/api/openapi.json", import.meta.url);

async function read(): Promise<string> {
  return typeof source === "string" && source.startsWith("http")
    ? (await fetch(source)).text()
    : readFile(source, "utf8");
}

/** The order in which a server names things means nothing, and may be another one each time. */
function ordered(_: string, value: unknown): unknown {
  return value !== null && typeof value === "object" && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
    : value;
}

const document = JSON.parse(await read(), ordered);
// What has a default may be left out, in bodies and in responses.
const types = astToString(await openapiTS(document, { defaultNonNullable: false }));

if (process.argv.includes("--check")) {
  if ((await readFile(target, "utf8")) !== types) {
    console.error("The types of the API are not those of its document: npm run api:types");
    process.exit(1);
  }
} else {
  await writeFile(target, types);
}
