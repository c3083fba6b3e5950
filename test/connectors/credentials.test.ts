import { beforeAll, expect, test } from "vitest";
import { deleteConnector } from "../../src/connectors/connector-store.ts";
import { loadCredentials } from "../../src/connectors/credentials.ts";
import { type Database, sql } from "../../src/store/database.ts";
import { db, keys, seedConnector, seedTeam } from "./rows.ts";

const load = (id: string, options = {}) => loadCredentials(db, keys, "team_test", id, options);
const codeOf = async (id: string) => {
  const loaded = await load(id);
  return loaded.ok ? "ok" : loaded.failure.code;
};
const sealedOf = async (id: string) =>
  (await db.first<{ sealed: string }>(sql("SELECT secrets_sealed AS sealed FROM connectors WHERE id = ?", id)))
    ?.sealed ?? null;
const setSealed = (id: string, sealed: string | null) =>
  db.run(sql("UPDATE connectors SET secrets_sealed = ? WHERE id = ?", sealed, id));

beforeAll(() => seedTeam());

test("credentials come back as they were stored, and print as nothing", async () => {
  const { id } = await seedConnector({ config: { clientId: "c" } }, { clientSecret: "s3cr3t", pem: "k3y" });
  const loaded = await load(id);
  if (!loaded.ok) throw new Error(loaded.failure.code);
  const { type, config, configRevision, secrets } = loaded.value;
  expect({ type, config, configRevision }).toEqual({ type: "oauth", config: { clientId: "c" }, configRevision: 1 });
  expect(secrets.clientSecret?.expose()).toBe("s3cr3t");
  expect(secrets.pem?.expose()).toBe("k3y");
  expect(JSON.stringify(loaded)).not.toMatch(/s3cr3t|k3y/);
});

test("D-02 secrets moved to another connector's row do not open", async () => {
  const [a, b] = [await seedConnector({}, { clientSecret: "a" }), await seedConnector({}, { clientSecret: "b" })];
  const [sealedA, sealedB] = [await sealedOf(a.id), await sealedOf(b.id)];
  await setSealed(a.id, sealedB);
  await setSealed(b.id, sealedA);
  expect(await codeOf(a.id)).toBe("decryption_failed");
  expect(await codeOf(b.id)).toBe("decryption_failed");
});

test("D-02 secrets do not open for another team", async () => {
  const { id } = await seedConnector({}, { clientSecret: "a" });
  expect(await loadCredentials(db, keys, "team_other", id)).toMatchObject({ failure: { code: "decryption_failed" } });
});

test("D-03 secrets of an older generation do not open", async () => {
  const { id } = await seedConnector({}, { clientSecret: "old" });
  await db.run(sql("UPDATE connectors SET secrets_generation = 2 WHERE id = ?", id));
  expect(await codeOf(id)).toBe("decryption_failed");
});

test("a deleted connector's credentials open for its upstream revocations only", async () => {
  const { id, revision } = await seedConnector({}, { clientSecret: "s" });
  await deleteConnector(db, { id, revision }, 10);
  expect(await codeOf(id)).toBe("not_found");
  expect(await load(id, { includeDeleted: true })).toMatchObject({ ok: true });
  expect(await codeOf("scl_00000000000000000000")).toBe("not_found");
});

test("a row that this code did not write fails closed", async () => {
  const { id } = await seedConnector();
  await db.run(sql("UPDATE connectors SET config = 'no json' WHERE id = ?", id));
  await expect(load(id)).rejects.toMatchObject({ failure: { code: "decryption_failed" } });
});

test("credentials take one read", async () => {
  const { id } = await seedConnector({}, { clientSecret: "s" });
  let reads = 0;
  const counting: Database = {
    ...db,
    first: (statement) => {
      reads++;
      return db.first(statement);
    },
  };
  expect((await loadCredentials(counting, keys, "team_test", id)).ok).toBe(true);
  expect(reads).toBe(1);
});
