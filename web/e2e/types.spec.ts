import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { test } from "./support/test.ts";

test("the types of the API are those of the server", async () => {
  const script = join(import.meta.dirname, "../scripts/api-types.ts");
  const env = { ...process.env, API_DOCUMENT: `${process.env.E2E_API_URL}/openapi/openapi.json` };
  await promisify(execFile)(process.execPath, [script, "--check"], { env });
});
