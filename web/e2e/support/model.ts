/**
 * A model server, as far as an Ollama's clients can tell, that answers what a test told it to.
 *
 * It is told what to say to which question; where it is told to wait, it waits for the test. `node model.ts` is one for
 * other containers, at Ollama's port.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";

/**
 * What an answer does next: says something, thinks, calls a tool, waits until a gate is opened or for so many
 * milliseconds, or fails.
 */
export type Step =
  | string
  | { think: string }
  | { call: string; with: object }
  | { gate: string }
  | { pause: number }
  | { fail: string };

const MODELS = [
  { name: "plain:1b", capabilities: ["completion"], size: 1_300_000_000, details: { parameter_size: "1B" } },
  {
    name: "seer:8b",
    capabilities: ["completion", "vision", "thinking", "tools"],
    size: 5_200_000_000,
    details: { parameter_size: "8B", quantization_level: "Q4_K_M" },
  },
  { name: "vectors", capabilities: ["embedding"], size: 300_000_000, details: {} },
];

interface Asked {
  model: string;
  messages: { role: string; content: string; images?: string[] }[];
  think?: boolean;
}

const scripts = new Map<string, Step[]>();
const open = new Set<string>();
const waiting = new Map<string, (() => void)[]>();
const asked: Asked[] = [];

function passed(gate: string): Promise<void> {
  return open.has(gate)
    ? Promise.resolve()
    : new Promise((done) => waiting.set(gate, [...(waiting.get(gate) ?? []), done]));
}

async function body<Content>(request: IncomingMessage): Promise<Content> {
  const parts = await Array.fromAsync(request as AsyncIterable<Buffer>);
  return JSON.parse(Buffer.concat(parts).toString() || "null") as Content;
}

async function answer(request: Asked, response: ServerResponse): Promise<void> {
  asked.push(request);
  const question = request.messages.at(-1)?.content ?? "";
  const steps = scripts.get(question) ?? ["You said: ", question, "."];
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  const write = (line: object) =>
    response.write(`${JSON.stringify({ model: request.model, done: false, ...line })}\n`);
  for (const step of steps) {
    if (typeof step === "string") {
      write({ message: { role: "assistant", content: step } });
    } else if ("think" in step) {
      write({ message: { role: "assistant", content: "", thinking: step.think } });
    } else if ("call" in step) {
      const call = { function: { name: step.call, arguments: step.with } };
      write({ message: { role: "assistant", content: "", tool_calls: [call] } });
    } else if ("gate" in step) {
      await passed(step.gate);
    } else if ("pause" in step) {
      await pause(step.pause);
    } else {
      write({ error: step.fail });
    }
  }
  write({
    message: { role: "assistant", content: "" },
    done: true,
    done_reason: "stop",
    prompt_eval_count: 7,
    eval_count: steps.length,
    eval_duration: 2e8,
  });
  response.end();
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const reply = (content: unknown) => {
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(content));
  };
  switch (request.url) {
    case "/api/version":
      return reply({ version: "0.33.0" });
    case "/api/tags":
      return reply({ models: MODELS });
    case "/api/ps":
      return reply({ models: MODELS.slice(0, 1) });
    case "/api/chat":
      return answer(await body<Asked>(request), response);
    case "/test/play": {
      const { question, steps } = await body<{ question: string; steps: Step[] }>(request);
      scripts.set(question, steps);
      return reply({});
    }
    case "/test/open": {
      const { gate } = await body<{ gate: string }>(request);
      open.add(gate);
      for (const done of waiting.get(gate) ?? []) {
        done();
      }
      return reply({});
    }
    case "/test/asked":
      return reply(asked);
    default:
      response.writeHead(404).end("{}");
  }
}

export async function startModel(port = 0, host = "127.0.0.1"): Promise<{ url: string; close: () => void }> {
  const server = createServer(
    (request, response) => void serve(request, response).catch(() => response.destroy()),
  );
  await new Promise<void>((done) => {
    server.listen(port, host, done);
  });
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://${host}:${(server.address() as AddressInfo).port}`, close };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await startModel(11_434, "0.0.0.0");
}
