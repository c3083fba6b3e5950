import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { machineFacts } from "../bench/machine.ts";
import { updateDocument } from "../bench/report.ts";
import { request, text } from "../demo/api.ts";
import { root } from "../paths.ts";
import { freshMasterKeys, freshSetupToken } from "../settings.ts";
import { runWrangler, wranglerEnvironment } from "../wrangler.ts";
import { type Kills, measureLoss } from "./loss.ts";
import { measureMemory } from "./memory.ts";
import { asMarkdown, asText } from "./report.ts";
import { freePort, type SoakServer, soakServer } from "./server.ts";

// `npm run soak`: what is lost and doubled while destinations fail and the deployment is killed, and what memory large
// bodies take. Everything stays on this machine. With --write the table goes into docs/reliability.md.

const { values: options } = parseArgs({
  options: {
    events: { type: "string", default: "20000" },
    kills: { type: "string", default: "5" },
    /** Of all attempts, by the destination. */
    failing: { type: "string", default: "0.3" },
    seed: { type: "string", default: "1" },
    /** Of the largest size; 0 = not measured. */
    large: { type: "string", default: "12" },
    write: { type: "boolean", default: false },
  },
});

const SECRET = "a webhook secret of the soak";

/** What each part of the soak works with. */
export interface Soak {
  server: SoakServer;
  origin: string;
  owner: string;
  secret: string;
}

async function main(): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "valetkey-soak-"));
  const server = await prepareServer(scratch);
  try {
    const kills: Kills = {
      events: Number(options.events),
      kills: Number(options.kills),
      failing: Number(options.failing),
      seed: Number(options.seed),
    };
    const loss = await measureLoss(server, kills, print);
    print(`${asText({ loss, memory: null })}\n`);
    const memory = Number(options.large) > 0 ? await measureMemory(server, Number(options.large), print) : null;
    print(`${asText({ loss, memory })}\n`);
    if (options.write) {
      const command = ["npm run soak --", ...process.argv.slice(2)].join(" ");
      await updateDocument(
        join(root, "docs/reliability.md"),
        "soak",
        asMarkdown({ loss, memory }, machineFacts(), command),
      );
    }
    if (!loss.passed || memory?.passed === false) process.exitCode = 1;
  } finally {
    await server.server.kill();
    await rm(scratch, { recursive: true, maxRetries: 5 });
  }
}

async function prepareServer(scratch: string): Promise<Soak> {
  const outdir = join(scratch, "bundle");
  await runWrangler(["deploy", "--dry-run", "--minify", "--outdir", outdir], wranglerEnvironment(scratch));
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const setupToken = freshSetupToken();
  const storage = join(scratch, "storage");
  await mkdir(storage);
  const vars = {
    MASTER_KEYS: freshMasterKeys(),
    SETUP_TOKEN: setupToken,
    PUBLIC_ORIGIN: origin,
    ALLOW_LOOPBACK: "true",
  };
  const server = soakServer({ modulePath: join(outdir, "index.js"), vars, scratch, port, storage });
  await server.start();
  const claim = { method: "POST", path: "/v1/setup", body: { setupToken }, expect: 201 } as const;
  const owner = text((await request(origin, claim)).value, "accessToken");
  return { server, origin, owner, secret: SECRET };
}

function print(line: string): void {
  process.stdout.write(line);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exit(1);
}
