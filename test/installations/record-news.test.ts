import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import type { InstallationNews } from "../../src/catalog/installations.ts";
import type { GrantDirectory } from "../../src/grants/directory.ts";
import { findInstallation, installationById, onlyInstallation } from "../../src/installations/installation-store.ts";
import { endGrants, recordNews } from "../../src/installations/record-news.ts";
import { sql } from "../../src/store/database.ts";
import { sumRevocations } from "../../src/tokens/revocation.ts";
import { type TestServices, testServices } from "../support/services.ts";

const OWN = { isOwn: true };
const EVENT = { isOwn: false };

function news(fields: Partial<InstallationNews> = {}): InstallationNews {
  return {
    tenantId: "77",
    externalId: "4711",
    name: "Acme",
    details: { permissions: { contents: "read" } },
    state: "active",
    changedAtMs: 1000,
    ...fields,
  };
}

let connectors = 0;

/** A connector, what is recorded of it, and the names of the Grants that were told. */
async function installed() {
  const services = await testServices();
  const connectorId = `scl_news${++connectors}`;
  await services.db.batch([
    sql("INSERT INTO team (id, name, created_at_ms) VALUES ('team_news', 't', 1) ON CONFLICT DO NOTHING"),
    sql(
      `INSERT INTO connectors (id, uid, name, type, service, config, lease_seconds, created_at_ms, updated_at_ms)
       VALUES (?1, ?1, 'News', 'github', 'github', '{}', 60, 1, 1)`,
      connectorId,
    ),
  ]);
  const told: string[] = [];
  const grants = {
    grant: (name: string) => ({
      async revoke() {
        told.push(name);
        return { ...sumRevocations([]), tokensFound: 1, deleted: 1 };
      },
    }),
  } as unknown as GrantDirectory;
  const at = { connectorId, region: null };
  return {
    services: { ...services, grants },
    at,
    connectorId,
    told,
    record: (fields: Partial<InstallationNews> = {}, how = EVENT) =>
      recordNews({ ...services, grants }, at, news(fields), how),
    connector: () =>
      services.db.first<{ standard: string | null; revision: number }>(
        sql("SELECT default_installation_id AS standard, revision FROM connectors WHERE id = ?", connectorId),
      ),
    grant: (name: string, installationId: string) =>
      services.db.run(
        sql(
          `INSERT INTO grants (name, connector_id, installation_id, subject_type, partition, created_at_ms, seen_at_ms)
           VALUES (?, ?, ?, 'app', 'shared', 1, 1)`,
          name,
          connectorId,
          installationId,
        ),
      ),
  };
}

async function known(services: TestServices, id: string | undefined) {
  const installation = await installationById(services.db, id ?? "");
  if (installation === null) throw new Error("there is no such installation");
  return installation;
}

describe("what is told of an installation", () => {
  let at: Awaited<ReturnType<typeof installed>>;
  beforeEach(async () => {
    at = await installed();
  });

  test("is recorded, and found by every name that it has", async () => {
    const made = await at.record();
    expect(made).toMatchObject({ ...news(), connectorId: at.connectorId, revokedBeforeMs: 0 });
    expect(made?.id).toMatch(/^ins_[0-9a-z]{20}$/);
    for (const reference of [made?.id ?? "", "4711", "77", "acme", "ACME"]) {
      expect(await findInstallation(at.services.db, at.connectorId, reference)).toEqual(made);
    }
    expect(await findInstallation(at.services.db, at.connectorId, "47")).toBeNull();
    expect(await findInstallation(at.services.db, "scl_another", made?.id ?? "")).toBeNull();
  });

  test("of a tenant that installs it again keeps our id, and tokens from before are dead", async () => {
    const first = await at.record();
    await at.record({ state: "removed", changedAtMs: 2000 });
    const again = await at.record({ externalId: "4712", changedAtMs: 3000, name: "Acme Inc" });
    expect(again).toMatchObject({ id: first?.id, externalId: "4712", name: "Acme Inc", state: "active" });
    expect(again?.revokedBeforeMs).toBeGreaterThan(0);
  });

  test("A-16 of another installation there ends tokens of the first, though nobody said that it was removed", async () => {
    const first = await at.record();
    const again = await at.record({ externalId: "4712", changedAtMs: 3000 });
    expect(again?.id).toBe(first?.id);
    expect(again?.revokedBeforeMs).toBeGreaterThan(0);
  });

  test("is ignored when it is older than what is known", async () => {
    const made = await at.record({ changedAtMs: 5000 });
    expect(await at.record({ changedAtMs: 4999, name: "Old", state: "suspended" })).toEqual(made);
    expect(await at.record({ changedAtMs: 4999, state: "removed" })).toEqual(made);
  });

  test("counts without a date of its own, and the known date stays", async () => {
    await at.record({ changedAtMs: 5000 });
    expect(await at.record({ changedAtMs: null, name: "Found" })).toMatchObject({ name: "Found", changedAtMs: 5000 });
    expect(await at.record({ changedAtMs: null, state: "removed" })).toMatchObject({ state: "removed" });
  });

  test("is final where one that is dated alike says that it was removed", async () => {
    await at.record({ state: "removed" });
    await at.record();
    await at.record({ state: "removed" });
    expect(await at.record()).toMatchObject({ state: "removed" });
    expect(await at.record({ externalId: "4712" })).toMatchObject({ state: "active", externalId: "4712" });
  });

  test("of the end of an earlier installation does not end the one that is there now", async () => {
    await at.record({ externalId: "4712", changedAtMs: 3000 });
    for (const changedAtMs of [null, 2000, 3000]) {
      expect(await at.record({ state: "removed", changedAtMs })).toMatchObject({ state: "active", externalId: "4712" });
    }
    expect(await at.record({ state: "removed", changedAtMs: 3001 })).toMatchObject({ state: "removed" });
  });

  test("of the end of what was never known leaves nothing behind", async () => {
    expect(await at.record({ state: "removed" })).toBeNull();
  });

  test("of a deleted connector leaves nothing behind", async () => {
    await at.services.db.run(sql("UPDATE connectors SET deleted_at_ms = 1 WHERE id = ?", at.connectorId));
    expect(await at.record()).toBeNull();
  });

  test("keeps what was granted when it ends", async () => {
    await at.record();
    const ended = await at.record({ state: "removed", details: {}, name: null, changedAtMs: 2000 });
    expect(ended).toMatchObject({ name: "Acme", details: { permissions: { contents: "read" } } });
  });

  test("at the same moment many times makes one record", async () => {
    const made = await Promise.all(Array.from({ length: 8 }, (_, index) => at.record({ changedAtMs: 1000 + index })));
    expect(new Set(made.map((each) => each?.id)).size).toBe(1);
    expect(await known(at.services as TestServices, made[0]?.id)).toMatchObject({ changedAtMs: 1007 });
  });
});

describe("the default installation", () => {
  test("is the first that a flow or an operator brought, and no event makes one", async () => {
    const at = await installed();
    await at.record();
    expect(await at.connector()).toEqual({ standard: null, revision: 1 });
    const second = await at.record({ tenantId: "78", externalId: "4712", name: "Own" }, OWN);
    expect(await at.connector()).toEqual({ standard: second?.id, revision: 2 });
    await at.record({ tenantId: "79", externalId: "4713", name: "Third" }, OWN);
    expect(await at.connector()).toEqual({ standard: second?.id, revision: 2 });
  });

  test("A-16 is no stranger's that events told of, and an operator's though events told more of it since", async () => {
    const at = await installed();
    await at.record({ changedAtMs: 2000 });
    expect(await onlyInstallation(at.services.db, at.connectorId)).toBeNull();
    const own = await at.record({ changedAtMs: 1000 }, OWN);
    expect(await onlyInstallation(at.services.db, at.connectorId)).toEqual(own);
    expect((await at.connector())?.standard).toBe(own?.id);
  });

  test("is none that does not work", async () => {
    const at = await installed();
    await at.record({ state: "suspended" }, OWN);
    expect(await at.connector()).toEqual({ standard: null, revision: 1 });
  });
});

describe("an installation that ends", () => {
  test("has its own Grants told, all of them, again with every repeat, and an operator once", async () => {
    const at = await installed();
    const [one, two] = [await at.record(), await at.record({ tenantId: "78", externalId: "4712", name: "Other" })];
    const names = Array.from({ length: 26 }, (_, index) => `g1:${at.connectorId}:${String(index).padStart(2, "0")}`);
    for (const name of names) await at.grant(name, one?.id ?? "");
    await at.grant(`g1:${at.connectorId}:other`, two?.id ?? "");
    for (let round = 0; round < 2; round++) {
      at.told.length = 0;
      await at.record({ state: "removed", changedAtMs: 2000 });
      expect(at.told.toSorted()).toEqual(names);
    }
    const lines = at.services.lines.filter((line) => line.includes("installation.removed"));
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ level: "warn", connectorId: at.connectorId, installationId: one?.id, tenantId: "77" }),
    ]);
  });

  test("is told as not done while a Grant does not answer, though tokens are dead already", async () => {
    const at = await installed();
    const made = await at.record();
    await at.grant(`g1:${at.connectorId}`, made?.id ?? "");
    const grant = () => ({ revoke: () => Promise.reject(new Error("gone away")) });
    const unreachable = { ...at.services, grants: { grant } as unknown as GrantDirectory };
    const ended = recordNews(unreachable, at.at, news({ state: "suspended", changedAtMs: 2000 }), EVENT);
    await expect(ended).rejects.toMatchObject({ failure: { code: "storage_unavailable" } });
    expect((await installationById(at.services.db, made?.id ?? ""))?.revokedBeforeMs).toBeGreaterThan(0);
    expect(await endGrants(at.services, { id: made?.id ?? "", connectorId: at.connectorId }, null)).toBeUndefined();
    expect(at.told).toEqual([`g1:${at.connectorId}`]);
  });

  test("tells nobody where there is nobody to tell", async () => {
    const at = await installed();
    const made = await at.record();
    await at.grant(`g1:${at.connectorId}`, made?.id ?? "");
    const alone = { ...at.services, grants: null };
    expect(await recordNews(alone, at.at, news({ state: "removed", changedAtMs: null }), EVENT)).toMatchObject({
      state: "removed",
    });
    expect(at.told).toEqual([]);
  });
});

describe("a reference", () => {
  test("that could be two installations names none", async () => {
    const at = await installed();
    await at.record({ tenantId: "1", externalId: "2", name: "Twin" });
    const other = await at.record({ tenantId: "2", externalId: "3", name: "twin" });
    expect(await findInstallation(at.services.db, at.connectorId, "2")).toBeNull();
    expect(await findInstallation(at.services.db, at.connectorId, "TWIN")).toBeNull();
    expect(await findInstallation(at.services.db, at.connectorId, "3")).toEqual(other);
  });

  test("by name means one that is there, before one that was", async () => {
    const at = await installed();
    await at.record({ tenantId: "1", externalId: "11" });
    await at.record({ tenantId: "1", externalId: "11", state: "removed", changedAtMs: 2000 });
    expect(await findInstallation(at.services.db, at.connectorId, "Acme")).toBeNull();
    const now = await at.record({ tenantId: "2", externalId: "12" });
    expect(await findInstallation(at.services.db, at.connectorId, "Acme")).toEqual(now);
    expect(await findInstallation(at.services.db, at.connectorId, "11")).toMatchObject({ state: "removed" });
  });

  test("A-16 of digits never means the name that a stranger gave an account", async () => {
    const at = await installed();
    const victim = await at.record({ tenantId: "9919", externalId: "11" }, OWN);
    const attacker = await at.record({ tenantId: "666", externalId: "12", name: "9919" });
    expect(await findInstallation(at.services.db, at.connectorId, "9919")).toEqual(victim);
    await at.services.db.run(sql("DELETE FROM installations WHERE id = ?", victim?.id ?? ""));
    expect(await findInstallation(at.services.db, at.connectorId, "9919")).toBeNull();
    expect(await findInstallation(at.services.db, at.connectorId, "666")).toEqual(attacker);
  });

  test("A-16 is needed where only strangers installed a public app, and they do not take the only one away", async () => {
    const at = await installed();
    await at.record({ tenantId: "666", externalId: "12", name: "Attacker" });
    expect(await onlyInstallation(at.services.db, at.connectorId)).toBeNull();
    const own = await at.record({ tenantId: "1", externalId: "11" }, OWN);
    expect(await onlyInstallation(at.services.db, at.connectorId)).toEqual(own);
    // What is told of it later makes it nobody else's, and whoever brings the other one vouches for it.
    const later = await at.record({ tenantId: "1", externalId: "11", changedAtMs: 2000 });
    expect(await onlyInstallation(at.services.db, at.connectorId)).toEqual(later);
    await at.record({ tenantId: "666", externalId: "12", name: "Attacker" }, OWN);
    expect(await onlyInstallation(at.services.db, at.connectorId)).toBeNull();
  });

  test("is not needed where there is only one that is not removed", async () => {
    const at = await installed();
    expect(await onlyInstallation(at.services.db, at.connectorId)).toBeNull();
    const one = await at.record({ tenantId: "1", externalId: "11", state: "suspended" }, OWN);
    expect(await onlyInstallation(at.services.db, at.connectorId)).toEqual(one);
    await at.record({ tenantId: "2", externalId: "12" }, OWN);
    expect(await onlyInstallation(at.services.db, at.connectorId)).toBeNull();
    await at.record({ tenantId: "2", externalId: "12", state: "removed", changedAtMs: 2000 });
    expect(await onlyInstallation(at.services.db, at.connectorId)).toEqual(one);
  });
});

test("what a connector was installed in goes with it", async () => {
  const at = await installed();
  await at.record();
  await at.services.db.run(sql("DELETE FROM connectors WHERE id = ?", at.connectorId));
  const left = await env.DB.prepare("SELECT count(*) AS n FROM installations WHERE connector_id = ?")
    .bind(at.connectorId)
    .first<{ n: number }>();
  expect(left?.n).toBe(0);
});
