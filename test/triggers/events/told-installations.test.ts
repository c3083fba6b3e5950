import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { utf8 } from "../../../src/crypto/bytes.ts";
import { kidOf, sealBytes } from "../../../src/crypto/envelope.ts";
import { randomBytes } from "../../../src/crypto/random.ts";
import { ApiError } from "../../../src/errors.ts";
import type { GrantDirectory } from "../../../src/grants/directory.ts";
import { findInstallation } from "../../../src/installations/installation-store.ts";
import { recordNews } from "../../../src/installations/record-news.ts";
import { sql } from "../../../src/store/database.ts";
import type { IngestMessage } from "../../../src/triggers/events/event.ts";
import { eventsById } from "../../../src/triggers/events/event-store.ts";
import { fanOut } from "../../../src/triggers/events/fan-out.ts";
import { payloadContext } from "../../../src/triggers/events/payload-store.ts";
import { withInstallation } from "../../../src/triggers/events/told-installations.ts";
import { seedInstallation } from "../../support/installations.ts";
import { deliveryRows, eventRow, type World, world } from "./world.ts";

interface Told {
  action: string;
  at?: string;
  id?: number;
  account?: number;
  suspended?: boolean;
}

/** What GitHub sends of an installation. */
function payload({ action, at = "2026-11-01T00:00:00Z", id = 4711, account = 77, suspended = false }: Told) {
  return {
    action,
    installation: {
      id,
      app_id: 1,
      account: { id: account, login: "acme", type: "Organization" },
      permissions: { contents: "read" },
      repository_selection: "all",
      updated_at: at,
      suspended_at: suspended ? at : null,
    },
  };
}

const tell = (at: World, told: Told, type = "installation") =>
  at.message({ type: `${type}.${told.action}`, tenants: [String(told.id ?? 4711)] }, payload(told));
/** The same with its payload in a blob of four segments, under the event's id. */
async function inSegments({ services: { keys, blobs } }: World, message: IngestMessage, body: unknown) {
  const { id } = message.event;
  const bytes = utf8(JSON.stringify(body));
  const segmentBytes = Math.ceil(bytes.length / 4);
  const sealed = await Promise.all(
    [0, 1, 2, 3].map((index) => {
      const piece = bytes.slice(index * segmentBytes, (index + 1) * segmentBytes);
      return sealBytes(keys, payloadContext("team_events", id, { index, last: index === 3 }), piece, randomBytes);
    }),
  );
  await blobs.put(id, new Uint8Array(await new Blob(sealed).arrayBuffer()));
  const kid = kidOf(sealed[0] ?? new Uint8Array()) ?? "";
  const event = { ...message.event, size: bytes.length };
  return { ...message, event, payload: { kind: "blob" as const, key: id, kid, segmentBytes } };
}
const known = (at: World) => findInstallation(at.deps.db, at.connectorId, "77");
const storedOf = async (at: World, id: string) => (await eventsById(at.deps.events, [id])).get(id);

describe("what verified events tell of installations", () => {
  test("is recorded before anybody is sent them, and every event carries its installation", async () => {
    const at = await world({ type: "github" });
    const message = await tell(at, { action: "created" });
    const other = await at.message({ tenants: ["4711"] });
    expect(await fanOut([message, other], at.deps)).toEqual([null, null]);
    const installation = await known(at);
    expect(installation).toMatchObject({ externalId: "4711", name: "acme", state: "active" });
    expect((await storedOf(at, message.event.id))?.installationId).toBe(installation?.id);
    expect((await storedOf(at, other.event.id))?.installationId).toBe(installation?.id);
  });

  test("is recorded of an event that its connector leaves out, and nothing else is left of that", async () => {
    const at = await world({ type: "github" });
    await at.destination();
    await fanOut([await tell(at, { action: "created" })], at.deps);
    const body = payload({ action: "deleted", at: "2026-11-02T00:00:00Z" });
    const deleted = await at.message({ type: "installation.deleted", tenants: ["4711"] }, body);
    const message = await inSegments(at, deleted, body);
    expect(await fanOut([{ ...message, newsOnly: true }], at.deps)).toEqual([null]);
    expect((await known(at))?.state).toBe("removed");
    expect([await storedOf(at, message.event.id), await deliveryRows(message.event.id)]).toEqual([undefined, []]);
    expect(await at.services.blobs.get(message.payload.key)).toBeNull();
  });

  test("A-16 makes no installation the connector's default: anybody installs a public app", async () => {
    const at = await world({ type: "github" });
    await fanOut([await tell(at, { action: "created" })], at.deps);
    const row = await at.deps.db.first(
      sql("SELECT default_installation_id AS id FROM connectors WHERE id = ?", at.connectorId),
    );
    expect(row).toEqual({ id: null });
  });

  test("follows the tenant: suspended, resumed, granted other repositories, deleted, installed again", async () => {
    const at = await world({ type: "github" });
    const states: unknown[] = [];
    let id: string | undefined;
    for (const [told, type] of [
      [{ action: "created", at: "2026-11-01T00:00:00Z" }],
      [{ action: "suspend", at: "2026-11-01T00:00:01Z", suspended: true }],
      [{ action: "unsuspend", at: "2026-11-01T00:00:02Z" }],
      [{ action: "added", at: "2026-11-01T00:00:03Z" }, "installation_repositories"],
      [{ action: "deleted", at: "2026-11-01T00:00:03Z" }],
      [{ action: "created", at: "2026-11-01T00:00:04Z", id: 4712 }],
    ] satisfies [Told, string?][]) {
      expect(await fanOut([await tell(at, told, type)], at.deps)).toEqual([null]);
      const installation = await known(at);
      id ??= installation?.id;
      expect(installation?.id).toBe(id);
      states.push(installation?.state);
    }
    expect(states).toEqual(["active", "suspended", "active", "active", "removed", "active"]);
    const warned = at.services.lines.filter((line) => line.includes('"installation.'));
    expect(warned.map((line) => JSON.parse(line).event)).toEqual(["installation.suspended", "installation.removed"]);
  });

  test("comes twice and late without harm", async () => {
    const at = await world({ type: "github" });
    const created = await tell(at, { action: "created" });
    const deleted = await tell(at, { action: "deleted", at: "2026-11-01T00:00:05Z" });
    await fanOut([created], at.deps);
    await fanOut([deleted], at.deps);
    await fanOut([deleted, created], at.deps);
    await fanOut([await tell(at, { action: "suspend", suspended: true })], at.deps);
    expect(await known(at)).toMatchObject({ state: "removed" });
  });

  test("is not believed of a connector that is installed nowhere", async () => {
    const at = await world();
    const message = await tell(at, { action: "created" });
    expect(await fanOut([message], at.deps)).toEqual([null]);
    expect(await known(at)).toBeNull();
    expect((await storedOf(at, message.event.id))?.installationId).toBeNull();
  });

  test("is not read from events of other types", async () => {
    const at = await world({ type: "github" });
    await fanOut([await at.message({ type: "issues.opened" }, payload({ action: "created" }))], at.deps);
    expect(await known(at)).toBeNull();
  });

  test("as a form says the same; what is no JSON says nothing", async () => {
    const at = await world({ type: "github" });
    const fields = { type: "installation.created", tenants: ["4711"] };
    await fanOut([await at.message(fields, new TextEncoder().encode("junk"))], at.deps);
    expect(await known(at)).toBeNull();
    const form = new URLSearchParams({ payload: JSON.stringify(payload({ action: "created" })) }).toString();
    const contentType = "application/x-www-form-urlencoded";
    await fanOut([await at.message({ ...fields, contentType }, new TextEncoder().encode(form))], at.deps);
    expect(await known(at)).toMatchObject({ state: "active" });
  });

  test("is not lost where it cannot be recorded: the message comes again, and nobody has been sent it", async () => {
    const at = await world({ type: "github" });
    await at.destination();
    const failing = {
      ...at.deps.db,
      batch: () => Promise.reject(new ApiError("storage_unavailable", { reason: "d1: gone" })),
    };
    const [message, other] = [await tell(at, { action: "created" }), await at.message({ tenants: ["4711"] })];
    const outcomes = await fanOut([message, other], at.fresh({ db: failing }));
    expect(outcomes).toEqual(["d1: gone", null]);
    expect(await eventRow(message.event.id)).toBeNull();
    expect(await deliveryRows(message.event.id)).toEqual([]);
    expect(await fanOut([message], at.deps)).toEqual([null]);
    expect(await known(at)).toMatchObject({ state: "active" });
  });

  test("is read from one payload after the other, however many come at once: each may name thousands of repositories", async () => {
    const at = await world({ type: "github" });
    const accounts = [71, 72, 73];
    const messages = await Promise.all(
      accounts.map(async (account) => {
        const told = { ...payload({ action: "created", id: account, account }), repositories: ["x".repeat(900)] };
        return inSegments(at, await at.message({ type: "installation.created", tenants: [String(account)] }), told);
      }),
    );
    const broken = await at.message({ type: "installation.created" });
    const tampered = { ...broken, payload: { kind: "inline" as const, sealed: new Uint8Array(300) } };
    const reads: string[] = [];
    const range = (key: string, offset: number, length: number) => {
      reads.push(key);
      return at.deps.blobs.range(key, offset, length);
    };
    const outcomes = await fanOut([tampered, ...messages], at.fresh({ blobs: { ...at.deps.blobs, range } }));
    expect(outcomes).toEqual([expect.any(String), null, null, null]);
    expect(reads).toHaveLength(12);
    // Nobody's segments between another's.
    expect(reads.filter((key, index) => key !== reads[index - 1])).toHaveLength(3);
    for (const account of accounts) {
      expect(await findInstallation(at.deps.db, at.connectorId, String(account))).toMatchObject({ state: "active" });
    }
  });

  test("that ended is not done before its Grants were told", async () => {
    const at = await world({ type: "github" });
    await fanOut([await tell(at, { action: "created" })], at.deps);
    const installation = await known(at);
    await env.DB.prepare(
      `INSERT INTO grants (name, connector_id, installation_id, subject_type, partition, created_at_ms, seen_at_ms)
       VALUES (?, ?, ?, 'app', 'shared', 1, 1)`,
    )
      .bind(`g1:${at.connectorId}`, at.connectorId, installation?.id ?? "")
      .run();
    const deleted = await tell(at, { action: "deleted", at: "2026-11-01T00:00:05Z" });
    expect(await fanOut([deleted], at.deps)).toEqual([expect.stringContaining("grants missed=1")]);
    const told: string[] = [];
    const grant = (name: string) => ({ revoke: async () => void told.push(name) });
    const grants = { grant } as unknown as GrantDirectory;
    expect(await fanOut([deleted], at.fresh({ grants }))).toEqual([null]);
    expect(told).toEqual([`g1:${at.connectorId}`]);
  });
});

describe("the installation of an event", () => {
  test("is none where it is about two tenants, or one that is not known", async () => {
    const at = await world({ type: "github" });
    await seedInstallation(at.connectorId, `ins_${at.connectorId}`, { external_id: "1" });
    const messages = await Promise.all(
      [["1"], ["1", "2"], ["2"], []].map((tenants) => at.message({ tenants, type: "push" })),
    );
    await fanOut(messages, at.deps);
    const stored = await Promise.all(messages.map(({ event }) => storedOf(at, event.id)));
    expect(stored.map((event) => event?.installationId)).toEqual([`ins_${at.connectorId}`, null, null, null]);
  });

  test("is the one that it names, though another tenant's account has that number, and else nobody's", async () => {
    const at = await world({ type: "github" });
    const meant = await seedInstallation(at.connectorId, `ins_a${at.connectorId}`, {
      external_id: "77",
      tenant_id: "5",
    });
    await seedInstallation(at.connectorId, `ins_b${at.connectorId}`, { external_id: "9", tenant_id: "77" });
    const filtered = await at.destination({ filter: JSON.stringify({ tenants: [meant] }) });
    const push = await at.message({ type: "push", tenants: ["77"] });
    const unknown = await at.message({ type: "push", tenants: ["5"] });
    await fanOut([push, unknown], at.deps);
    expect((await storedOf(at, push.event.id))?.installationId).toBe(meant);
    expect((await storedOf(at, unknown.event.id))?.installationId).toBeNull();
    expect((await withInstallation(unknown.event, at.deps)).installationId).toBeNull();
    expect(at.handed.map(({ destinationId }) => destinationId)).toEqual([filtered]);
  });

  test("W-06 is never one of another connector", async () => {
    const [here, other] = [await world({ type: "github" }), await world({ type: "github" })];
    await seedInstallation(other.connectorId, `ins_${other.connectorId}`, { external_id: "42" });
    const message = await here.message();
    await fanOut([message], here.deps);
    expect((await storedOf(here, message.event.id))?.installationId).toBeNull();
  });

  test("filters destinations as the tenant does", async () => {
    const at = await world({ type: "github" });
    const id = await seedInstallation(at.connectorId, `ins_${at.connectorId}`, { external_id: "42" });
    const wanted = await at.destination({ filter: JSON.stringify({ tenants: [id] }) });
    await at.destination({ filter: '{"tenants":["ins_another"]}' });
    await fanOut([await at.message()], at.deps);
    expect(at.handed.map(({ destinationId }) => destinationId)).toEqual([wanted]);
  });

  test("is known to a responder, and its absence keeps none from answering", async () => {
    const at = await world({ type: "github" });
    const { event } = await at.message();
    const installation = await recordNews(
      { ...at.deps, grants: null },
      { connectorId: at.connectorId, region: null },
      { tenantId: "7", externalId: "42", name: null, details: {}, state: "active", changedAtMs: null },
      { isOwn: false },
    );
    expect((await withInstallation(event, at.deps)).installationId).toBe(installation?.id);
    const all = () => Promise.reject(new ApiError("storage_unavailable"));
    expect(await withInstallation(event, at.fresh({ db: { ...at.deps.db, all } }))).toEqual(event);
  });
});
