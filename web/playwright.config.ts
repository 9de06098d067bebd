import { defineConfig } from "@playwright/test";

const chromium = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";

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
    launchOptions: { executablePath: chromium, args: ["--no-sandbox"] },
    locale: "en-GB",
    viewport: { width: 1280, height: 800 },
    screenshot: "only-on-failure",
    permissions: ["clipboard-read", "clipboard-write"],
  },
});
