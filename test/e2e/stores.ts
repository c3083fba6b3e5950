import type { D1Database, KVNamespace, R2Bucket } from "@cloudflare/workers-types";
import type { Haystack } from "./canaries.ts";
import type { Server } from "./server.ts";

const OBJECT_CLASSES = ["GRANTS", "CONNECTOR_GATES", "HOUSEKEEPERS", "LANES"] as const;

/** All that a deployment has stored and logged, as it lies there. */
export async function readEverything({ worker, harness }: Server): Promise<Haystack[]> {
  const { DB, EVENTS, LEASES, BLOBS } = await worker.getEnv();
  const objects = OBJECT_CLASSES.map((name) => readObjects(worker, name));
  const parts = [readD1("DB", DB), readD1("EVENTS", EVENTS), readKv(LEASES), readR2(BLOBS), ...objects];
  const logs = harness.getLogs().map((entry, index) => haystack(`log ${index}`, JSON.stringify(entry), entry.message));
  return [...(await Promise.all(parts)).flat(), ...logs];
}

async function readD1(name: string, db: D1Database): Promise<Haystack[]> {
  return readTables(`D1 ${name}`, async (query) => (await db.prepare(query).all()).results);
}

async function readObjects(worker: Server["worker"], name: (typeof OBJECT_CLASSES)[number]): Promise<Haystack[]> {
  const ids = await worker.listDurableObjectIds(name);
  const read = async (id: string) => {
    const storage = await worker.getDurableObjectStorage(name, { id });
    return readTables(`object ${name} ${id}`, (query) => storage.exec(query));
  };
  return (await Promise.all(ids.map(read))).flat();
}

type Query = (query: string) => Promise<Record<string, unknown>[]>;

/** Every row of every table; `_cf_…` are the platform's own, which nobody can write to by SQL. */
async function readTables(where: string, query: Query): Promise<Haystack[]> {
  const tables = await query(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'",
  );
  const haystacks: Haystack[] = [];
  for (const { name } of tables) {
    for (const row of await query(`SELECT * FROM "${name}"`)) {
      haystacks.push(haystack(`${where} ${name}`, ...Object.values(row)));
    }
  }
  return haystacks;
}

async function readKv(kv: KVNamespace): Promise<Haystack[]> {
  const { keys, list_complete: complete } = await kv.list();
  if (!complete) throw new Error("more keys than one listing shows: read on");
  return Promise.all(
    keys.map(async ({ name, metadata }) =>
      haystack(`KV ${name}`, name, JSON.stringify(metadata ?? null), await kv.get(name, "arrayBuffer")),
    ),
  );
}

/** Events that no fan-out has finished. */
export async function readJournal({ worker }: Server): Promise<Haystack[]> {
  return readR2((await worker.getEnv()).BLOBS, "journal/");
}

async function readR2(bucket: R2Bucket, prefix = ""): Promise<Haystack[]> {
  const { objects, truncated } = await bucket.list({ prefix, include: ["customMetadata", "httpMetadata"] });
  if (truncated) throw new Error("more objects than one listing shows: read on");
  const read = await Promise.all(
    objects.map(async ({ key, customMetadata, httpMetadata }) => {
      const body = await (await bucket.get(key))?.arrayBuffer();
      // Deleted between listing and reading.
      if (body === undefined) return [];
      return [haystack(`R2 ${key}`, key, JSON.stringify({ customMetadata, httpMetadata }), body)];
    }),
  );
  return read.flat();
}

/** Values one after the other, with a byte between them that no needle has. */
function haystack(where: string, ...values: unknown[]): Haystack {
  return { where, bytes: Buffer.concat(values.flatMap((value) => [bytesOf(value), Buffer.from([0])])) };
}

function bytesOf(value: unknown): Buffer {
  if (value === null || value === undefined) return Buffer.alloc(0);
  if (typeof value === "string") return Buffer.from(value);
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") {
    return Buffer.from(String(value));
  }
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  // D1 gives BLOBs as arrays of bytes.
  if (Array.isArray(value)) return Buffer.from(value);
  throw new Error(`a value of a kind that this scan cannot read: ${Object.prototype.toString.call(value)}`);
}
