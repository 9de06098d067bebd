/** A real llama.cpp server with a tiny model, which writes nonsense, and writes it until it is stopped. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { DEEPER } from "./api.ts";

export async function startLlama(): Promise<{ url: string; close: () => void }> {
  const python = join(dirname(DEEPER), "python");
  const child = spawn(python, ["-m", "tests.fakes.llama", "--stdin", "--context", "4096", "--slow"], {
    cwd: join(import.meta.dirname, "../../.."),
    stdio: ["pipe", "pipe", "ignore"],
  });
  const [url] = (await Promise.race([
    once(createInterface(child.stdout), "line"),
    once(child, "exit").then(() => Promise.reject(new Error("llama.cpp did not start"))),
  ])) as [string];
  // It ends with its input, however this process ends.
  return { url, close: () => void child.kill() };
}
