// Asks the server at OPENAI_BASE_URL as programs in JavaScript do, and prints what came of it as one object.
import OpenAI from "openai";

const model = process.env.MODEL;
const messages = [{ role: "user", content: "Hello" }];
const schema = {
  type: "object",
  properties: { city: { type: "string", maxLength: 5 }, days: { type: "integer", minimum: 0, maximum: 9 } },
  required: ["city", "days"],
};
const tools = [{ type: "function", function: { name: "forecast", parameters: schema } }];
const headers = new Set();
const client = new OpenAI({
  maxRetries: 0,
  organization: "o",
  project: "p",
  fetch: (url, init) => {
    for (const name of new Headers(init.headers).keys()) headers.add(name);
    return fetch(url, init);
  },
});

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return { kind: error.constructor.name, status: error.status, code: error.code, param: error.param };
  }
  return null;
}

async function streamed() {
  const stream = await client.chat.completions.create({
    model, messages, max_tokens: 8, stream: true, stream_options: { include_usage: true },
  });
  const found = { text: "", finish: null, usage: null };
  for await (const chunk of stream) {
    found.text += chunk.choices[0]?.delta.content ?? "";
    found.finish = chunk.choices[0]?.finish_reason ?? found.finish;
    found.usage = chunk.usage ?? found.usage;
  }
  return found;
}

async function left() {
  const stream = await client.chat.completions.create({ model, messages, stream: true });
  for await (const chunk of stream) {
    stream.controller.abort();
    return chunk.object;
  }
}

async function called() {
  const runner = client.chat.completions.stream({
    model, messages, tools, tool_choice: "required", parallel_tool_calls: false, max_tokens: 300,
  });
  const { choices } = await runner.finalChatCompletion();
  return choices[0].message.tool_calls[0].function;
}

const whole = await client.chat.completions.create({ model, messages, max_tokens: 8 });
const bound = await client.chat.completions.create({
  model, messages, max_tokens: 300, seed: 3,
  response_format: { type: "json_schema", json_schema: { name: "trip", schema, strict: true } },
});
const models = [];
for await (const each of await client.models.list()) models.push(each.id);

const found = {
  models,
  retrieved: (await client.models.retrieve(model, { timeout: 60_000 })).id,
  whole: { text: whole.choices[0].message.content, usage: whole.usage },
  bound: JSON.parse(bound.choices[0].message.content),
  streamed: await streamed(),
  called: process.env.CALLS ? await called() : null,
  left: await left(),
  failures: [
    await failure(new OpenAI({ apiKey: "dsk_nonsense" }).models.list()),
    await failure(client.chat.completions.create({ model: "no/such:model", messages, max_tokens: 1 })),
    await failure(client.chat.completions.create({ model: "no/such:model", messages, max_tokens: 1, stream: true })),
    await failure(client.chat.completions.create({ model, messages, n: 2 })),
  ],
};
console.log(JSON.stringify({ ...found, headers: [...headers] }));
