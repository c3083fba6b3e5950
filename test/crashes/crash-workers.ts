import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { root } from "../../scripts/paths.ts";

/** How many objects one Worker works on: while one waits for the disk, another goes on. */
const AT_ONCE = 5;
/** An end that is wanted (`test/grants/crashing/points.ts`), and of which the platform complains. */
const DIED = "the object died, as the test wants";

export interface CrashWorkers {
  /** What the next free one answers. */
  ask(path: string): Promise<unknown>;
  stop(): Promise<void>;
}

/** `test/grants/crashing/worker.ts` in a workerd for each processor. */
export async function startCrashWorkers(): Promise<CrashWorkers> {
  const bundle = await build({
    entryPoints: [join(root, "test/grants/crashing/worker.ts")],
    bundle: true,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker"],
    external: ["cloudflare:workers"],
    write: false,
  });
  const settings = await readFile(join(root, "wrangler.toml"), "utf8");
  const options = convertV4MiniflareOptions({
    modules: [{ type: "ESModule", path: "index.js", contents: bundle.outputFiles[0]?.text ?? "" }],
    compatibilityDate: /^compatibility_date = "(.+)"/m.exec(settings)?.[1] ?? "",
    handleStructuredLogs: ({ message }) => {
      if (!message.includes(DIED)) process.stderr.write(`${message}\n`);
    },
    d1Databases: ["DB"],
    durableObjects: { GRANTS: { className: "Grant", useSQLite: true } },
    bindings: {
      MASTER_KEYS: "k1:dmFsZXRrZXktdGVzdC1vbmx5LW1hc3Rlci1rZXktISE=",
      TEST_SCHEMA: await readFile(join(root, "schema.sql"), "utf8"),
    },
  });
  const workers = Array.from({ length: availableParallelism() }, () => new Miniflare(options));
  const free = workers.flatMap((worker) => Array.from({ length: AT_ONCE }, () => worker));
  const waiting: ((worker: Miniflare) => void)[] = [];

  return {
    async ask(path) {
      const worker = free.shift() ?? (await new Promise<Miniflare>((resolve) => waiting.push(resolve)));
      try {
        const response = await worker.dispatchFetch(`http://crashes${path}`);
        if (response.status !== 200) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
        return await response.json();
      } finally {
        const next = waiting.shift();
        if (next === undefined) free.push(worker);
        else next(worker);
      }
    },
    async stop() {
      await Promise.all(workers.map((worker) => worker.dispose()));
    },
  };
}
