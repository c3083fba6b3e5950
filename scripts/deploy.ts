import { createInterface } from "node:readline/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { deploy } from "./deploy/deploy.ts";
import { parseOptions, USAGE } from "./deploy/options.ts";
import { wranglerOf } from "./deploy/wrangler.ts";

// `npm run deploy`: bring a Cloudflare account to the state of this checkout. docs/operations.md

async function ask(question: string): Promise<string | null> {
  if (!process.stdin.isTTY) return null;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await terminal.question(question)).trim() || null;
  } finally {
    terminal.close();
  }
}

try {
  if (process.argv.includes("--help")) {
    process.stdout.write(USAGE);
  } else {
    await deploy(parseOptions(process.argv.slice(2)), {
      environment: process.env,
      wrangler: wranglerOf(process.env),
      fetch: (url) => fetch(url, { redirect: "error", signal: AbortSignal.timeout(10_000) }),
      ask,
      write: (text) => process.stdout.write(text),
      sleep,
    });
  }
} catch (error) {
  process.stderr.write(`\n${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
