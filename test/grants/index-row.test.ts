import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { assertIndexRow, grantNames, grantNamesOfSubject, type SubjectReach } from "../../src/grants/index-row.ts";
import type { GrantIdentity, GrantSubject } from "../../src/grants/protocol.ts";
import { db, seedConnector, seedTeam } from "../connectors/rows.ts";

let connectorId: string;
beforeAll(async () => {
  await seedTeam();
  connectorId = (await seedConnector()).id;
});

const identity = (change: Partial<GrantIdentity> = {}): GrantIdentity => ({
  connectorId,
  installationId: null,
  subject: { type: "app" },
  partition: "production",
  ...change,
});
const user = (id: string, rest: Partial<Extract<GrantSubject, { type: "user" }>> = {}): GrantSubject => ({
  type: "user",
  namespace: null,
  issuer: null,
  id,
  ...rest,
});

describe("a Grant in the index", () => {
  test("is written with whose it is and the key that it seals under, and seen again without a second row", async () => {
    const subject = user("u1", { namespace: "n", issuer: "https://i.example" });
    const whose = identity({ subject, partition: "preview", installationId: "ins_1" });
    expect(await assertIndexRow(db, "g1:seen", whose, "k1", 10)).toBe(true);
    expect(await assertIndexRow(db, "g1:seen", whose, "k2", 20)).toBe(true);
    const { results } = await env.DB.prepare("SELECT * FROM grants WHERE name = 'g1:seen'").all();
    expect(results).toEqual([
      {
        name: "g1:seen",
        connector_id: connectorId,
        installation_id: "ins_1",
        subject_type: "user",
        subject_namespace: "n",
        subject_issuer: "https://i.example",
        subject_id: "u1",
        partition: "preview",
        created_at_ms: 10,
        seen_at_ms: 20,
        external_subject: null,
        authorization_state: null,
      },
    ]);
    const kids = await env.DB.prepare("SELECT kid FROM grant_keys WHERE grant_name = 'g1:seen' ORDER BY kid").all();
    expect(kids.results).toEqual([{ kid: "k1" }, { kid: "k2" }]);
  });

  test("of the app has no user", async () => {
    await assertIndexRow(db, "g1:app-row", identity(), "k1", 10);
    const row = await env.DB.prepare(
      "SELECT subject_type, subject_namespace, subject_issuer, subject_id FROM grants WHERE name = 'g1:app-row'",
    ).first();
    expect(row).toEqual({ subject_type: "app", subject_namespace: null, subject_issuer: null, subject_id: null });
  });

  test("C-09 is not written for a connector that is unknown or deleted", async () => {
    const gone = (await seedConnector({}, {})).id;
    await env.DB.prepare("UPDATE connectors SET deleted_at_ms = 1 WHERE id = ?").bind(gone).run();
    for (const id of [gone, "scl_never"]) {
      expect(await assertIndexRow(db, `g1:${id}`, identity({ connectorId: id }), "k1", 10)).toBe(false);
    }
    const left = await env.DB.prepare("SELECT count(*) AS count FROM grants WHERE connector_id IN (?, ?)")
      .bind(gone, "scl_never")
      .first("count");
    expect(left).toBe(0);
  });
});

test("a connector's Grants are paged by name, and no other's are among them", async () => {
  const own = (await seedConnector()).id;
  for (const name of ["g1:c", "g1:a", "g1:b"]) await assertIndexRow(db, name, identity({ connectorId: own }), "k1", 1);
  expect(await grantNames(db, own, null, 10)).toEqual(["g1:a", "g1:b", "g1:c"]);
  expect(await grantNames(db, own, null, 2)).toEqual(["g1:a", "g1:b"]);
  expect(await grantNames(db, own, "g1:b", 2)).toEqual(["g1:c"]);
});

describe("the Grants of one subject", () => {
  let own: string;
  beforeAll(async () => {
    own = (await seedConnector()).id;
    const rows: [name: string, change: Partial<GrantIdentity>][] = [
      ["app-production", {}],
      ["app-preview", { partition: "preview" }],
      ["user", { subject: user("u1") }],
      ["user-namespace", { subject: user("u1", { namespace: "n" }) }],
      ["user-issuer", { subject: user("u1", { issuer: "https://i.example" }) }],
      ["user-preview", { subject: user("u1"), partition: "preview" }],
      ["user-called-app", { subject: user("app") }],
      ["zone-app", { installationId: "ins_1", partition: "shared" }],
      ["zone-user", { installationId: "ins_1", subject: user("u3") }],
    ];
    for (const [name, change] of rows)
      await assertIndexRow(db, name, identity({ connectorId: own, ...change }), "k1", 1);
  });
  const everything: SubjectReach = {
    subject: { type: "app" },
    namespace: "any",
    partitions: null,
    installationId: null,
  };
  const page = { after: null, limit: 10 };
  const names = (reach: Partial<SubjectReach>, at = page) =>
    grantNamesOfSubject(db, own, { ...everything, ...reach }, at);

  test.for<[reach: Partial<SubjectReach>, expected: string[]]>([
    [{}, ["app-preview", "app-production", "zone-app"]],
    [{ installationId: "ins_1" }, ["zone-app"]],
    [{ installationId: "ins_1", partitions: ["production"] }, []],
    [{ installationId: "ins_1", subject: null }, ["zone-app", "zone-user"]],
    [{ installationId: "ins_2", subject: null }, []],
    [{ namespace: { exactly: "n" } }, ["app-preview", "app-production", "zone-app"]],
    [{ partitions: ["preview"] }, ["app-preview"]],
    [{ partitions: ["preview", "production"] }, ["app-preview", "app-production"]],
    [{ partitions: [] }, []],
    [{ subject: { type: "user", id: "u1", issuer: null } }, ["user", "user-namespace", "user-preview"]],
    [{ subject: { type: "user", id: "u1", issuer: null }, namespace: { exactly: null } }, ["user", "user-preview"]],
    [{ subject: { type: "user", id: "u1", issuer: null }, namespace: { exactly: "n" } }, ["user-namespace"]],
    [{ subject: { type: "user", id: "u1", issuer: "https://i.example" } }, ["user-issuer"]],
    [{ subject: { type: "user", id: "u1", issuer: "" } }, []],
    [{ subject: { type: "user", id: "app", issuer: null } }, ["user-called-app"]],
    [{ subject: { type: "user", id: "u2", issuer: null } }, []],
    [{ subject: { type: "other", name: "app" } }, []],
  ])("%j are %j", async ([reach, expected]) => {
    expect(await names(reach)).toEqual(expected);
  });

  test("come in pages, in the order of their names", async () => {
    const subject = { type: "user", id: "u1", issuer: null } as const;
    expect(await names({ subject }, { after: null, limit: 2 })).toEqual(["user", "user-namespace"]);
    expect(await grantNamesOfSubject(db, own, { ...everything, subject }, { after: "user", limit: 1 })).toEqual([
      "user-namespace",
    ]);
  });
});
