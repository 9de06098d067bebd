/**
 * Writes the types of the API, made of its OpenAPI document: of the checked-in file, or of what
 * `API_DOCUMENT` names (a path or the address of a running server's document).
 *
 * With `--check` nothing is written, and the types that are there have to be those.
 */
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const target = new URL("../src/lib/api/schema.d.ts", import.meta.url);
const source = process.env.API_DOCUMENT ?? "http://127.0.0.1:8080/openapi/openapi.json";
const document = source.startsWith("http")
  ? await (await fetch(source)).json()
  : JSON.parse(await readFile(source, "utf8"));

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
