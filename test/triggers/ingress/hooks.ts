import { env } from "cloudflare:workers";
import { hex } from "../../../src/crypto/bytes.ts";
import { Secret } from "../../../src/crypto/secret.ts";
import type { IngestMessage } from "../../../src/triggers/events/event.ts";
import { parseIngestMessage } from "../../../src/triggers/events/message-codec.ts";
import { readPayload } from "../../../src/triggers/events/payload-store.ts";
import { sealTriggerSecrets } from "../../../src/triggers/settings/trigger-secrets.ts";
import {
  findTrigger,
  insertTrigger,
  type Trigger,
  updateTrigger,
} from "../../../src/triggers/settings/trigger-store.ts";
import { apiOf, setUp } from "../../support/api.ts";
import { type TestServices, testServices } from "../../support/services.ts";

export const SECRET = "It's a Secret to Everybody";

/** A queue that keeps what it is sent, and fails as told. */
export class FakeQueue {
  sent: IngestMessage[] = [];
  /** How the next sends go; then all succeed. */
  next: ("throw" | "hang")[] = [];
  tries = 0;

  async send(message: IngestMessage): Promise<void> {
    this.tries += 1;
    const how = this.next.shift();
    if (how === "throw") throw new Error("Too Many Requests");
    if (how === "hang") await new Promise(() => {});
    // As the platform would: a clone, and only what a message may hold.
    const parsed = parseIngestMessage(structuredClone(message));
    if (parsed === null) throw new Error("not a message");
    this.sent.push(parsed);
  }

  get last(): IngestMessage {
    const message = this.sent.at(-1);
    if (message === undefined) throw new Error("nothing was sent");
    return message;
  }
}

export interface Ingress {
  services: TestServices;
  queue: FakeQueue;
  clock: { nowMs: number };
  teamId: string;
  /** Stores a connector that receives; returns its path's id. */
  trigger(fields?: TriggerFields): Promise<{ ingressId: string; connectorId: string }>;
  /** Other secrets from now on. */
  rotate(connectorId: string, secrets: TestSecret[]): Promise<void>;
  call(
    ingressId: string,
    init?: RequestInit & { url?: string },
  ): Promise<{ status: number; headers: Headers; text: string }>;
  /** A GitHub delivery, signed unless told otherwise. */
  deliver(
    ingressId: string,
    body: BodyInit & (string | Uint8Array<ArrayBuffer>),
    options?: DeliveryOptions,
  ): ReturnType<Ingress["call"]>;
  /** The payload of a message, opened. */
  payloadOf(message: IngestMessage): Promise<Uint8Array>;
}

export type TriggerFields = Partial<Omit<Trigger, "recipe">> & {
  /** Null = none was chosen. */
  provider?: string | null;
  secrets?: TestSecret[];
  connector?: { draft?: 0 | 1; deletedAtMs?: number };
};

export interface TestSecret {
  value: string;
  expiresAtMs?: number;
}

interface DeliveryOptions {
  secret?: string;
  /** What is signed, if not what is sent. */
  signed?: string | Uint8Array<ArrayBuffer>;
  headers?: Record<string, string>;
  id?: string | null;
}

let connectors = 0;

/** An isolate's ingress over this file's own stores, with a queue and a clock that the test holds. */
export async function ingress(replaced: Partial<TestServices> = {}): Promise<Ingress> {
  const queue = new FakeQueue();
  const clock = { nowMs: Date.now() };
  const services = await testServices({ ingest: queue, now: () => clock.nowMs, ...replaced });
  const api = apiOf(services);
  const known = await env.DB.prepare("SELECT id FROM team").first<{ id: string }>();
  const teamId = known?.id ?? (await setUp(api)).teamId;

  function sealSecrets(place: Pick<Trigger, "connectorId" | "secretsGeneration">, secrets: TestSecret[]) {
    const dated = secrets.map(({ value, expiresAtMs = null }, index) => {
      return { id: `sec_${place.secretsGeneration}${index}`, value: Secret.of(value), addedAtMs: 1, expiresAtMs };
    });
    return sealTriggerSecrets(services, teamId, place, dated);
  }

  async function rotate(connectorId: string, secrets: TestSecret[]) {
    const current = await findTrigger(services.db, connectorId);
    if (current === null) throw new Error("there is no such trigger");
    const next = { ...current, ...(await sealSecrets(current, secrets)), revision: current.revision + 1 };
    if (!(await updateTrigger(services.db, next, current))) throw new Error("nothing was rotated");
  }

  async function trigger(fields: TriggerFields = {}) {
    connectors += 1;
    const { provider = "github", secrets = [{ value: SECRET }], connector = {}, ...own } = fields;
    const connectorId = `scl_ingress${connectors}`;
    await env.DB.prepare(
      `INSERT INTO connectors (id, uid, name, type, service, config, lease_seconds, draft, deleted_at_ms, created_at_ms, updated_at_ms)
       VALUES (?, ?, 'test', 'github', 'github', '{}', 60, ?, ?, 1, 1)`,
    )
      .bind(connectorId, `test/${connectors}`, connector.draft ?? 0, connector.deletedAtMs ?? null)
      .run();
    const sealed = await sealSecrets({ connectorId, secretsGeneration: 0 }, secrets);
    const row: Trigger = {
      connectorId,
      ingressId: hex(crypto.getRandomValues(new Uint8Array(16))),
      enabled: true,
      pendingVerification: false,
      recipe: provider && JSON.stringify({ provider }),
      events: null,
      maxBodyBytes: 1024 * 1024,
      journal: false,
      payloadDays: 7,
      ...sealed,
      revision: 1,
      createdAtMs: 1,
      updatedAtMs: 1,
      ...own,
    };
    const insert = insertTrigger({ ...row, connectorId });
    const done = await services.db.run(
      connector.deletedAtMs === undefined
        ? insert
        : { ...insert, sql: insert.sql.replace("AND deleted_at_ms IS NULL", "") },
    );
    if (done !== 1) throw new Error("no trigger was stored");
    return { ingressId: row.ingressId, connectorId };
  }

  async function call(
    ingressId: string,
    { url = `/hooks/${ingressId}`, ...init }: RequestInit & { url?: string } = {},
  ) {
    const { status, headers, text } = await api.send(url, { method: "POST", ...init });
    return { status, headers, text };
  }

  async function deliver(ingressId: string, body: string | Uint8Array<ArrayBuffer>, options: DeliveryOptions = {}) {
    const { secret = SECRET, signed = body, headers = {}, id = crypto.randomUUID() } = options;
    return call(ingressId, {
      body,
      headers: {
        "content-type": "application/json",
        "x-github-event": "push",
        ...(id !== null && { "x-github-delivery": id }),
        "x-hub-signature-256": `sha256=${await hmacHex(secret, signed)}`,
        ...headers,
      },
    });
  }

  async function payloadOf({ event, payload }: IngestMessage): Promise<Uint8Array> {
    const opened = await readPayload(payload, event, { keys: services.keys, blobs: services.blobs, teamId });
    if (!opened.ok) throw new Error(opened.failure.code);
    return new Uint8Array(await new Response(opened.value).arrayBuffer());
  }

  return { services, queue, clock, teamId, trigger, rotate, call, deliver, payloadOf };
}

export async function hmacHex(secret: string, data: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const encoder = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["sign"]);
  const bytes = typeof data === "string" ? encoder.encode(data) : data;
  return hex(new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes)));
}

/** A body without Content-Length, in chunks. */
export function chunked(bytes: Uint8Array<ArrayBuffer>, chunk = 65_536): ReadableStream<Uint8Array<ArrayBuffer>> {
  let offset = 0;
  return new ReadableStream({
    pull(controller) {
      if (offset >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(offset, offset + chunk));
      offset += chunk;
    },
  });
}
