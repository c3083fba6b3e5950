import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { root } from "./paths.ts";

const ORIGIN = "https://connect.example.com";

/**
 * Boot the minified production bundle in workerd, with the production settings and nothing of this machine, and have
 * it answer. Returns the milliseconds from start to the first answer; throws when the answer is not the expected one.
 */
export async function bootBundle(bundlePath: string): Promise<number> {
  const settings = await readFile(join(root, "wrangler.toml"), "utf8");
  const compatibilityDate = /^compatibility_date = "(.+)"/m.exec(settings)?.[1] ?? "";
  const startedAtMs = performance.now();
  const options = convertV4MiniflareOptions({
    modules: [{ type: "ESModule", path: "index.js", contents: await readFile(bundlePath, "utf8") }],
    compatibilityDate,
    // Its request log belongs to no report of ours.
    handleStructuredLogs: () => {},
    d1Databases: ["DB", "EVENTS"],
    kvNamespaces: ["LEASES"],
    r2Buckets: ["BLOBS"],
    queueProducers: { INGEST: "ingest" },
    durableObjects: {
      GRANTS: { className: "Grant", useSQLite: true },
      CONNECTOR_GATES: { className: "ConnectorGate", useSQLite: true },
      HOUSEKEEPERS: { className: "Housekeeper", useSQLite: true },
      LANES: { className: "DestinationLane", useSQLite: true },
    },
    bindings: {
      PUBLIC_ORIGIN: ORIGIN,
      MASTER_KEYS: `k1:${randomBytes(32).toString("base64")}`,
      SETUP_TOKEN: randomBytes(24).toString("base64url"),
    },
  });
  const worker = new Miniflare(options);
  try {
    const response = await worker.dispatchFetch(`${ORIGIN}/v1/team`);
    const body = await response.text();
    if (response.status !== 401 || !body.includes('"unauthorized"')) {
      throw new Error(`The bundle does not serve: GET /v1/team answered ${response.status} ${body}`);
    }
    return performance.now() - startedAtMs;
  } finally {
    await worker.dispose();
  }
}
