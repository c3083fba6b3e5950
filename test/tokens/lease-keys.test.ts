import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { GrantIdentity } from "../../src/grants/protocol.ts";
import { canonicalJson, canonicalRequest, canonicalSet } from "../../src/tokens/canonical.ts";
import { kvKey, snapshotMemoryKey, tokenGroupId, tokenMemoryKey } from "../../src/tokens/lease-keys.ts";
import type { TokenRequest } from "../../src/tokens/token-request.ts";
import { entry, ring } from "../crypto/rings.ts";
import { request, snapshot } from "./samples.ts";

const keys = await ring(entry("k1", 1));

/** Words that a careless encoding would run together, or take for its own marks. */
const word = fc.oneof(
  fc.constantFrom(
    "",
    "a",
    "b",
    "ab",
    '","',
    '"',
    "\\",
    "]",
    "[",
    "absent",
    "present",
    "app",
    "user",
    "default",
    "\ud800",
  ),
  fc.string({ maxLength: 3 }),
);
const words = fc.array(word, { maxLength: 2 }).map(canonicalSet);
const detail = fc.record({ type: word, x: fc.oneof(word, words, fc.constant(null)) }, { requiredKeys: ["type"] });
const subject: fc.Arbitrary<TokenRequest["subject"]> = fc.oneof(
  fc.constant(null),
  fc.constant({ type: "app" as const }),
  fc.record({ type: fc.constant("user" as const), id: word, issuer: fc.option(word) }),
  fc.record({ type: fc.constant("other" as const), name: word }),
);
const anyRequest = fc.record({
  subject,
  installationId: fc.option(word),
  scopes: words,
  resources: words,
  audience: words,
  authorizationDetails: fc.array(detail, { maxLength: 2 }),
  validityBufferMs: fc.nat(3),
  rejectedTokenId: fc.option(word),
});
const wellFormed = (value: unknown) => !JSON.stringify(value).includes("\\ud800");
const question = fc.tuple(word, fc.record({ projectId: word, environment: word }), anyRequest);

/** What the question is about: everything but how fresh the answer must be. */
const meaning = ([ref, scope, asked]: [string, object, TokenRequest]) => {
  const { validityBufferMs: _, rejectedTokenId: __, authorizationDetails, ...rest } = asked;
  return JSON.stringify([ref, scope, rest, authorizationDetails.map((one) => canonicalJson(one) ?? "")]);
};

describe("C-01 the key under which a token is remembered", () => {
  test("is equal exactly for questions that mean the same", () => {
    fc.assert(
      fc.property(question, question, (a, b) => {
        expect(tokenMemoryKey(...a) === tokenMemoryKey(...b)).toBe(meaning(a) === meaning(b));
      }),
      { numRuns: 3000 },
    );
  });

  test("changes with every single part of the question", () => {
    const part = fc.constantFrom(
      ...(["subject", "installationId", "scopes", "resources", "audience", "authorizationDetails"] as const),
    );
    fc.assert(
      fc.property(question, anyRequest, part, ([ref, scope, asked], other, changed) => {
        const a: [string, typeof scope, TokenRequest] = [ref, scope, asked];
        const b: [string, typeof scope, TokenRequest] = [ref, scope, { ...asked, [changed]: other[changed] }];
        expect(tokenMemoryKey(...a) === tokenMemoryKey(...b)).toBe(meaning(a) === meaning(b));
        if (wellFormed(a) && wellFormed(b)) {
          const [first, second] = [canonicalRequest(a[2]), canonicalRequest(b[2])];
          expect(String(first) === String(second)).toBe(meaning(a) === meaning(b));
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("is never one of a snapshot, and a snapshot's is its connector's and project's alone", () => {
    fc.assert(
      fc.property(question, word, word, word, (asked, ref, projectId, other) => {
        expect(tokenMemoryKey(...asked)).not.toBe(snapshotMemoryKey(ref, projectId));
        expect(snapshotMemoryKey(ref, projectId) === snapshotMemoryKey(ref, other)).toBe(projectId === other);
        expect(snapshotMemoryKey(ref, projectId) === snapshotMemoryKey(other, projectId)).toBe(ref === other);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("D-01 the key in KV", () => {
  test("shows nothing of the question, and differs for different ones and different rings", async () => {
    const [one, two] = ["snapshot of acme", "snapshot of acmes"];
    const made = await kvKey(keys, one);
    expect(made).toMatch(/^l1:[\w-]{43}$/);
    expect(await kvKey(keys, one)).toBe(made);
    expect(await kvKey(keys, two)).not.toBe(made);
    expect(await kvKey(await ring(entry("k1", 99)), one)).not.toBe(made);
  });

  test("is not what a token group is called, although both are MACs under one key", async () => {
    const group = await tokenGroupId(keys, snapshot(), identity, request);
    expect(group).toMatch(/^[\w-]{43}$/);
    expect(await kvKey(keys, "tk1")).not.toContain(group);
  });

  test("cannot be made by a ring that lacks its own primary", async () => {
    const broken = { ...keys, key: () => null };
    await expect(kvKey(broken, "x")).rejects.toMatchObject({ failure: { code: "key_missing", reason: "primary key" } });
  });
});

const identity: GrantIdentity = {
  connectorId: "scl_1",
  installationId: null,
  subject: { type: "app" },
  partition: "production",
};

describe("C-01 the id of a token group", () => {
  const group = (
    change: {
      connector?: object;
      link?: object;
      team?: string;
      partition?: string;
      asked?: Partial<TokenRequest>;
    } = {},
  ) => {
    const base = snapshot();
    const changed = {
      ...base,
      teamId: change.team ?? base.teamId,
      connector: { ...base.connector, ...change.connector },
      link: { ...base.link, ...change.link },
    };
    const grant = { ...identity, partition: change.partition ?? identity.partition };
    return tokenGroupId(keys, changed, grant, { ...request, ...change.asked });
  };

  test("is different when team, connector, its configuration, link, partition, namespace or request are", async () => {
    const ids = await Promise.all([
      group(),
      group({ team: "team_2" }),
      group({ connector: { id: "scl_2" } }),
      group({ connector: { configRevision: 2 } }),
      group({ link: { id: "lnk_2" } }),
      group({ partition: "preview" }),
      group({ link: { subjectNamespace: "" } }),
      group({ link: { subjectNamespace: "n" } }),
      group({ asked: { scopes: ["read"] } }),
      group({ asked: { audience: ["read"] } }),
    ]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("is the same when only names, leases, restrictions or freshness are different", async () => {
    const same = await Promise.all([
      group({ connector: { name: "renamed", uid: "oauth/renamed", leaseSeconds: 0, region: "weur" } }),
      group({ link: { environments: ["preview"], scopes: ["x"] } }),
      group({ asked: { validityBufferMs: 1, rejectedTokenId: "stk_1" } }),
    ]);
    expect(same).toEqual(same.map(() => same[0]));
    expect(await group()).toBe(same[0]);
  });
});
