/**
 * Starts what the tests talk to: a model server, the API, and both and the pages under one address. With
 * E2E_OUTPUT=stack it is there already: E2E_URL, E2E_MODEL_URL and E2E_ADMIN_PASSWORD say where, and E2E_CERTIFICATE by
 * which file to know it.
 */
import { join } from "node:path";
import { preview } from "../../scripts/preview.ts";
import { Api } from "./api.ts";
import { startModel } from "./model.ts";
import { startPages } from "./pages.ts";

/** Whether a stack of containers is tried, which is there already and stays as it is. */
export const STACK = process.env.E2E_OUTPUT === "stack";

export const EXPORT = join(import.meta.dirname, "../../out");

export const SETTINGS = {
  DEEPER_MODEL_PROVIDER: "ollama",
  DEEPER_MODEL_ATTEMPTS: "1",
  DEEPER_MODEL_PARALLEL: "40",
  // Everybody comes from one address here.
  DEEPER_LIMITS_ANONYMOUS_PER_MINUTE: "100000",
  DEEPER_LIMITS_ANONYMOUS_BURST: "100000",
  DEEPER_LIMITS_PASSWORD_PER_MINUTE: "100000",
  DEEPER_LIMITS_PASSWORD_BURST: "100000",
  DEEPER_LIMITS_ANSWERS_PER_USER: "3",
};

export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (STACK) {
    return;
  }
  const model = await startModel();
  const api = await Api.start({ ...SETTINGS, DEEPER_OLLAMA_URL: model.url });
  const pages =
    process.env.E2E_OUTPUT === "standalone" ? await startPages() : { url: EXPORT, close: () => undefined };
  const site = await preview(pages.url, api.url, 0);
  process.env.E2E_URL = site.url;
  process.env.E2E_API_URL = api.url;
  process.env.E2E_MODEL_URL = model.url;
  process.env.E2E_ADMIN_PASSWORD = api.adminPassword;
  return async () => {
    site.close();
    pages.close();
    await api.stop();
    model.close();
  };
}
