import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { defineConfig } from "@playwright/test";

const chromium = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";

/**
 * Has Chromium believe in a certificate that nobody vouches for: one that is only put up with is no reason to keep files
 * that it came with, which other people's browsers do.
 */
function believing(certificate: string): string {
  const key = new X509Certificate(readFileSync(certificate)).publicKey.export({
    type: "spki",
    format: "der",
  });
  return `--ignore-certificate-errors-spki-list=${createHash("sha256").update(key).digest("base64")}`;
}

const certificate = process.env.E2E_CERTIFICATE;

export default defineConfig({
  testDir: "e2e",
  globalSetup: "./e2e/support/setup.ts",
  outputDir: "test-results",
  fullyParallel: true,
  workers: 2,
  // What fails says so when its expectation does. A test of many steps may take long on a busy machine.
  timeout: 300_000,
  expect: { timeout: 30_000 },
  reporter: process.env.E2E_REPORT
    ? [["json", { outputFile: process.env.E2E_REPORT }]]
    : [["list", { printSteps: false }]],
  use: {
    launchOptions: {
      executablePath: chromium,
      args: ["--no-sandbox", ...(certificate ? [believing(certificate)] : [])],
    },
    locale: "en-GB",
    viewport: { width: 1280, height: 800 },
    screenshot: "only-on-failure",
    permissions: ["clipboard-read", "clipboard-write"],
  },
});
