import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { root } from "../paths.ts";
import { childrenOf, nameOf } from "./process-facts.ts";

export interface BootedWorker {
  /** workerd's own socket, past miniflare's development proxy. */
  port: number;
  /** Of the workerd process; null where the system does not tell. */
  pid: number | null;
  miniflare: Miniflare;
  /** How many request lines of the product's log name each rung or verdict, from its start on. */
  rungs(): Promise<Record<string, number>>;
  stop(): Promise<void>;
}

const LIMITS = ["IP_LIMIT", "CALLER_LIMIT", "CONNECTOR_LIMIT", "BYPASS_LIMIT"];
/** Refuses nobody, but is asked all the same. */
const AMPLE = { limit: 1_000_000_000, period: 10 as const };

/** Where it listens and keeps its storage; any port, and a directory of its own, unless told. */
export interface BootPlace {
  port?: number | undefined;
  storage?: string | undefined;
  /** False = what is sent to the queue stays there. */
  consumers?: boolean | undefined;
}

/** Start one Worker in a workerd of its own, with the bindings of `wrangler.toml` and the given variables. */
export async function bootWorker(
  modulePath: string,
  vars: Record<string, string>,
  scratch: string,
  { port: listenOn = 0, storage, consumers = true }: BootPlace = {},
): Promise<BootedWorker> {
  const settings = await readFile(join(root, "wrangler.toml"), "utf8");
  const logPath = join(scratch, `${randomUUID()}.log`);
  const options = convertV4MiniflareOptions({
    modules: [{ type: "ESModule", path: "index.js", contents: await readFile(modulePath, "utf8") }],
    compatibilityDate: /^compatibility_date = "(.+)"/m.exec(settings)?.[1] ?? "",
    compatibilityFlags: ["global_fetch_strictly_public"],
    unsafeDirectSockets: [{ host: "127.0.0.1", port: listenOn }],
    // On standard error, because standard output goes to a file.
    handleStructuredLogs: ({ message }) => console.error(message),
    d1Databases: ["DB", "EVENTS"],
    kvNamespaces: ["LEASES"],
    r2Buckets: ["BLOBS"],
    queueProducers: { INGEST: "valetkey-ingest" },
    queueConsumers: !consumers
      ? {}
      : {
          "valetkey-ingest": {
            maxBatchSize: 50,
            maxBatchTimeout: 0,
            maxRetries: 20,
            deadLetterQueue: "valetkey-ingest-dead",
          },
          "valetkey-ingest-dead": { maxBatchSize: 10, maxBatchTimeout: 5, maxRetries: 100 },
        },
    ratelimits: Object.fromEntries(LIMITS.map((name) => [name, { namespace_id: name, simple: AMPLE }])),
    durableObjects: {
      GRANTS: { className: "Grant", useSQLite: true },
      CONNECTOR_GATES: { className: "ConnectorGate", useSQLite: true },
      HOUSEKEEPERS: { className: "Housekeeper", useSQLite: true },
      LANES: { className: "DestinationLane", useSQLite: true },
    },
    bindings: vars,
  });
  if (storage !== undefined) options.resourcePersistencePath = storage;
  process.env.MINIFLARE_WORKERD_PATH = await writeLauncher(scratch, logPath);
  const before = new Set(childrenOf(process.pid));
  const miniflare = new Miniflare(options);
  const { port } = await miniflare.unsafeGetDirectURL();
  const pid = childrenOf(process.pid).find((child) => !before.has(child) && nameOf(child) === "workerd") ?? null;
  return { port: Number(port), pid, miniflare, rungs: () => countRungs(logPath), stop: () => miniflare.dispose() };
}

/**
 * A script that becomes workerd with its standard output in a file. Miniflare would read every log line through a
 * pipe, and on a small machine that reader competes with what is measured; production has no such reader.
 */
async function writeLauncher(scratch: string, logPath: string): Promise<string> {
  const path = join(scratch, `${randomUUID()}.sh`);
  const workerd: { default: string } = createRequire(import.meta.resolve("miniflare"))("workerd");
  await writeFile(path, `#!/bin/sh\nexec '${workerd.default}' "$@" > '${logPath}'\n`, { mode: 0o700 });
  return path;
}

async function countRungs(logPath: string): Promise<Record<string, number>> {
  const rungs = new Map<string, number>();
  for await (const line of createInterface({ input: createReadStream(logPath) })) {
    const rung = /\\"(?:rung|verdict)\\":\\"(\w+)\\"/.exec(line)?.[1];
    if (rung !== undefined) rungs.set(rung, (rungs.get(rung) ?? 0) + 1);
  }
  return Object.fromEntries(rungs);
}
