/** The real server with its own PostgreSQL: `deeper dev`, in a process group of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const DEEPER = process.env.E2E_DEEPER ?? join(import.meta.dirname, "../../../.venv/bin/deeper");
const PATIENCE = 60_000;

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((done) => {
    probe.listen(0, "127.0.0.1", done);
  });
  const { port } = probe.address() as AddressInfo;
  await new Promise((done) => probe.close(done));
  return port;
}

export class Api {
  readonly url: string;
  readonly #port: number;
  readonly #folder: string;
  readonly #settings: Record<string, string>;
  readonly #web: readonly string[];
  #process: ChildProcess | undefined;
  #output = "";

  private constructor(
    port: number,
    folder: string,
    settings: Record<string, string>,
    web: readonly string[],
  ) {
    this.#port = port;
    this.#web = web;
    this.url = `http://127.0.0.1:${port}`;
    this.#folder = folder;
    this.#settings = settings;
  }

  /** Starts one with a new database. `settings` are further variables; `web` says which pages it is to serve. */
  static async start(
    settings: Record<string, string>,
    web = ["--no-web"],
    patience = PATIENCE,
  ): Promise<Api> {
    const api = new Api(await freePort(), await mkdtemp(join(tmpdir(), "deeper-e2e-")), settings, web);
    await api.start(patience);
    return api;
  }

  /** Starts it, again if it ran before. */
  async start(patience = PATIENCE): Promise<void> {
    this.#output = "";
    const options = [...this.#web, "--port", String(this.#port), "--data-dir", this.#folder];
    const child = spawn(DEEPER, ["dev", ...options], {
      cwd: this.#folder,
      env: { ...process.env, ...this.#settings },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (part: Buffer) => {
        this.#output = (this.#output + part.toString()).slice(-20_000);
      });
    }
    const until = Date.now() + patience;
    while (!(await this.#answers())) {
      if (child.exitCode !== null || Date.now() > until) {
        throw new Error(`deeper dev did not start:\n${this.#output}`);
      }
      await new Promise((done) => setTimeout(done, 100));
    }
  }

  /** The password of the first account, which is an administrator's. */
  get adminPassword(): string {
    return /First account: \S+ password (\S+)/.exec(this.#output)?.[1] ?? "";
  }

  /** Where it said that one can chat in a browser. */
  get pages(): string {
    return /Open (\S+) in a browser/.exec(this.#output)?.[1] ?? "";
  }

  /** Ends the server and all that it started, at once. */
  kill(): void {
    if (this.#process?.pid) {
      try {
        process.kill(-this.#process.pid, "SIGKILL");
      } catch {
        // It has ended already.
      }
    }
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (child && child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((done) => child.once("exit", done));
      child.kill("SIGTERM");
      await ended;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/health`)).ok && this.#output.includes("Ctrl-C ends it");
    } catch {
      return false;
    }
  }
}
