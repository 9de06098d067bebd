/** The server of pages, as the container runs it. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { freePort } from "./api.ts";

export async function startPages(): Promise<{ url: string; close: () => void }> {
  const port = await freePort();
  const child = spawn(process.execPath, [join(import.meta.dirname, "../../.next/standalone/server.js")], {
    env: { ...process.env, PORT: String(port), HOSTNAME: "127.0.0.1", NODE_ENV: "production" },
    stdio: "ignore",
  });
  const url = `http://127.0.0.1:${port}`;
  const close = () => void child.kill();
  for (let tries = 0; tries < 300; tries += 1) {
    if (
      await fetch(`${url}/login`).then(
        (response) => response.ok,
        () => false,
      )
    ) {
      return { url, close };
    }
    await new Promise((done) => setTimeout(done, 100));
  }
  close();
  throw new Error("the server of pages did not start");
}
