import { describe, expect, test } from "vitest";
import { randomBytes } from "../../src/crypto/random.ts";
import { leasedToken, openLease, sealLease } from "../../src/tokens/lease-envelope.ts";
import { leasedSnapshot } from "../../src/tokens/snapshot.ts";
import { entry, ring } from "../crypto/rings.ts";
import { leased, snapshot } from "./samples.ts";

const keys = await ring(entry("k1", 1));
const KEY = "l1:key";
const snapshotLease = { snapshot: snapshot(), leaseFromMs: 0, leaseUntilMs: 60_000 };
const sealToken = (value: unknown) => sealLease(keys, "token", KEY, value, randomBytes);

describe("a lease in KV", () => {
  test("comes back as it was, metadata and claims included", async () => {
    const token = {
      ...leased,
      scopes: ["read", "write"],
      resources: ["https://api.example.com"],
      authorizationDetails: [{ type: "files", actions: ["read"], deep: { er: [1, null] } }],
      metadata: { team: "a", count: 3, bot: true, permissions: { contents: "read" } },
      claims: { groups: ["a"], verified: true, locale: null },
      externalSubject: "00u1",
    };
    expect(await openLease(keys, "token", KEY, await sealToken(token), leasedToken)).toEqual(token);
    const sealed = await sealLease(keys, "snapshot", KEY, snapshotLease, randomBytes);
    expect(await openLease(keys, "snapshot", KEY, sealed, leasedSnapshot)).toEqual(snapshotLease);
  });

  test("D-01 is unreadable where it lies", async () => {
    const sealed = await sealToken(leased);
    expect(atob(sealed.replaceAll("-", "+").replaceAll("_", "/"))).not.toContain(leased.token);
  });

  test("D-02 opens under its own key and as its own kind only", async () => {
    const sealed = await sealToken(leased);
    expect(await openLease(keys, "token", "l1:other", sealed, leasedToken)).toBeNull();
    expect(await openLease(keys, "snapshot", KEY, sealed, leasedToken)).toBeNull();
    expect(await openLease(await ring(entry("k1", 99)), "token", KEY, sealed, leasedToken)).toBeNull();
    expect(await openLease(keys, "token", KEY, sealed.slice(0, -4), leasedToken)).toBeNull();
    expect(await openLease(keys, "token", KEY, "not an envelope", leasedToken)).toBeNull();
  });

  test.for(Object.keys(leased))("a token without %s is as good as absent", async (member) => {
    const { [member as keyof typeof leased]: _, ...rest } = leased;
    expect(await openLease(keys, "token", KEY, await sealToken(rest), leasedToken)).toBeNull();
  });

  test.for([
    ["token", 1],
    ["tokenId", null],
    ["expiresAtMs", "1"],
    ["scopes", [1]],
    ["scopes", "read"],
    ["resources", [null]],
    ["authorizationDetails", [{}]],
    ["authorizationDetails", [{ type: 1 }]],
    ["metadata", { a: { b: 1 } }],
    ["metadata", { a: { b: {} } }],
    ["metadata", []],
    ["leaseUntilMs", null],
    ["revokedBeforeMs", "0"],
  ] as const)("a token whose %s is %j is as good as absent", async ([member, value]) => {
    const sealed = await sealToken({ ...leased, [member]: value });
    expect(await openLease(keys, "token", KEY, sealed, leasedToken)).toBeNull();
  });

  test.for([
    ["connector", { type: "unheard-of" }],
    ["connector", { draft: 1 }],
    ["connector", { region: 1 }],
    ["connector", { leaseSeconds: "60" }],
    ["connector", { uid: null }],
    ["link", { environments: null }],
    ["link", { subjects: "app" }],
    ["link", { scopes: [1] }],
    ["link", { installations: {} }],
    ["link", { subjectNamespace: 1 }],
  ] as const)("a snapshot whose %s has %j is as good as absent", async ([part, change]) => {
    const whole = snapshot();
    const changed = { ...snapshotLease, snapshot: { ...whole, [part]: { ...whole[part], ...change } } };
    const sealed = await sealLease(keys, "snapshot", KEY, changed, randomBytes);
    expect(await openLease(keys, "snapshot", KEY, sealed, leasedSnapshot)).toBeNull();
  });
});
