import { createRequire } from "node:module";
import { chromium } from "@playwright/test";

const lighthouse = (await import("/tmp/h-web-lh/node_modules/lighthouse/core/index.js")).default;
const base = process.env.BASE; const port = 9333;
const context = await chromium.launchPersistentContext("", { executablePath: "/usr/bin/chromium", args: ["--no-sandbox", `--remote-debugging-port=${port}`] });
const page = await context.newPage();
await page.goto(base + "/login");
console.log("anonymous");
for (const path of ["/login"]) await look(path);
await page.evaluate(async (b) => { localStorage.setItem("deeper.signed-in", "yes"); await fetch("/v1/auth/signup", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(b) }); }, { email: `lh${Date.now()}@example.com`, password: "a long enough password 7", transport: "cookie" });
await page.close();
for (const path of ["/chat", "/settings"]) await look(path);
await context.close();
async function look(path) {
  const r = await lighthouse(base + path, { port, output: "json", disableStorageReset: true, logLevel: "error" });
  const c = r.lhr.categories, a = r.lhr.audits;
  console.log(path, Object.entries(c).map(([k, v]) => `${k} ${v.score}`).join(" "), "FCP", a["first-contentful-paint"].displayValue, "LCP", a["largest-contentful-paint"].displayValue, "TBT", a["total-blocking-time"].displayValue, "CLS", a["cumulative-layout-shift"].displayValue, r.lhr.finalDisplayedUrl);
  for (const [id, x] of Object.entries(a)) if (x.score !== null && x.score < 0.9 && x.scoreDisplayMode === "binary") console.log("   ", id, x.title);
}
