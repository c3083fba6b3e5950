import { describe, expect, test } from "vitest";
import { apiKeyDriver } from "../../src/catalog/api-key/driver.ts";
import type { SplitConfig, TokenGroup } from "../../src/catalog/driver.ts";
import { driverOf, implementedTypes } from "../../src/catalog/registry.ts";
import { CONTEXT, DEFAULTS, deps, failed, NOW, noInstallation, secretsOf, succeeded } from "./support.ts";

const HOUR_MS = 3_600_000;

const create = (data: Record<string, unknown>) => apiKeyDriver.create(data, CONTEXT, deps);
const withValues = async (values: Record<string, unknown>[]) => succeeded(await create({ values }));

function mint(saved: SplitConfig<unknown>, scopes: string[] = [], more: Partial<TokenGroup> = {}) {
  const config: unknown = JSON.parse(JSON.stringify(saved.config));
  const request = { ...noInstallation, config, secrets: secretsOf(saved), connectorId: "scl_test" };
  return apiKeyDriver.mint({ ...request, group: { ...DEFAULTS, scopes, ...more } }, deps);
}

const minted = async (saved: SplitConfig<unknown>, scopes: string[] = []) =>
  succeeded(await mint(saved, scopes)).accessToken.expose();

function idOf(saved: SplitConfig<unknown>, index: number): string {
  const { values } = apiKeyDriver.redact(saved.config, []);
  const id: unknown = Array.isArray(values) ? values[index]?.id : undefined;
  if (typeof id !== "string") throw new Error("no such value");
  return id;
}

describe("which value answers", () => {
  const expired = NOW - 1;
  const alive = NOW + HOUR_MS;

  test("without a scope, the newest live unscoped value", async () => {
    const saved = await withValues([
      { value: "old" },
      { value: "new" },
      { value: "dead", expiresAt: expired },
      { value: "scoped", scope: "read" },
    ]);
    expect(await minted(saved)).toBe("new");
    expect(await minted(saved, ["*"])).toBe("new");
  });

  test("without a scope and without an unscoped value, the only live one", async () => {
    const saved = await withValues([
      { value: "dead", scope: "write", expiresAt: expired },
      { value: "scoped", scope: "read", expiresAt: alive },
    ]);
    const token = succeeded(await mint(saved));
    expect(token.accessToken.expose()).toBe("scoped");
    expect(token.scopes).toEqual(["read"]);
  });

  test("where the choice would be a guess, 400 invalid_scope", async () => {
    const saved = await withValues([
      { value: "a", scope: "read" },
      { value: "b", scope: "write" },
    ]);
    expect(failed(await mint(saved)).code).toBe("invalid_scope");
    expect(await minted(saved, ["write"])).toBe("b");
  });

  test("an unknown scope or several are 400 invalid_scope, never the unscoped value", async () => {
    const saved = await withValues([{ value: "all" }, { value: "a", scope: "read" }, { value: "b", scope: "write" }]);
    for (const scopes of [["admin"], ["read", "write"], ["*", "read"]]) {
      expect(failed(await mint(saved, scopes)).code).toBe("invalid_scope");
    }
  });

  test("an expired value is never handed out", async () => {
    const saved = await withValues([
      { value: "dead", expiresAt: NOW },
      { value: "x", scope: "read", expiresAt: expired },
    ]);
    expect(failed(await mint(saved)).code).toBe("no_token");
    expect(failed(await mint(saved, ["read"])).code).toBe("no_token");
    expect(failed(await mint(await withValues([]))).code).toBe("no_token");
  });

  const targets: Partial<TokenGroup>[] = [
    { resources: ["https://api.example.com"] },
    { audience: ["x"] },
    { authorizationDetails: [{ type: "files" }] },
  ];
  test.for(targets)("a narrowing that a static key cannot honour is 400 invalid_target: %j", async (more) => {
    const saved = await withValues([{ value: "key" }]);
    expect(failed(await mint(saved, [], more)).code).toBe("invalid_target");
    expect(failed(apiKeyDriver.resolveGroup(saved.config, "app", { ...DEFAULTS, ...more })).code).toBe(
      "invalid_target",
    );
  });
});

describe("how long it lives", () => {
  test("as long as its own expiry says, for ever without one: what callers are told is not the driver's", async () => {
    const forever = succeeded(await mint(await withValues([{ value: "key" }])));
    expect(forever).toMatchObject({ static: true, expiresAtMs: null, scopes: [] });
    const saved = await withValues([{ value: "key", expiresAt: NOW + 1000 }]);
    expect(succeeded(await mint(saved)).expiresAtMs).toBe(NOW + 1000);
  });
});

describe("what an operator may store", () => {
  test("every field is stored and shown, values only as set", async () => {
    const saved = succeeded(
      await create({
        subjectType: "app",
        values: [{ value: "key-of-acme", scope: "read", expiresAt: NOW + HOUR_MS }],
        serviceUrls: ["https://api.example.com/v1"],
        instructions: "Open **settings**.",
      }),
    );
    const shown = apiKeyDriver.redact(saved.config, Object.keys(saved.secrets));
    expect(shown).toEqual({
      subjectType: "app",
      values: [{ id: expect.stringMatching(/^val_/), value: { set: true }, scope: "read", expiresAt: NOW + HOUR_MS }],
      serviceUrls: ["https://api.example.com/v1"],
      instructions: "Open **settings**.",
    });
    expect(JSON.stringify([saved.config, shown])).not.toContain("key-of-acme");
    expect(Object.values(saved.secrets)).toEqual(["key-of-acme"]);
    expect(apiKeyDriver.service(saved.config)).toBe("api.example.com");
  });

  const refused: [code: string, data: Record<string, unknown>][] = [
    ["unknown_field", { keys: [] }],
    ["unknown_field", { values: [{ value: "a", name: "b" }] }],
    ["invalid_config", { values: [{ value: "" }] }],
    ["invalid_config", { values: [{ value: "line\nbreak" }] }],
    ["invalid_config", { values: [{ value: "schlüssel" }] }],
    ["invalid_config", { values: [{ value: "a".repeat(8193) }] }],
    ["invalid_config", { values: [{ value: "a", scope: "*" }] }],
    ["invalid_config", { values: [{ value: "a", expiresAt: -1 }] }],
    ["invalid_config", { values: Array.from({ length: 51 }, () => ({ value: "a" })) }],
    ["invalid_config", { subjectType: "tenant" }],
    ["invalid_config", { subjectType: "user", values: [{ value: "a" }] }],
    ["invalid_config", { serviceUrls: ["http://api.example.com"] }],
    ["invalid_config", { serviceUrls: ["https://user:pass@api.example.com"] }],
    ["invalid_config", { serviceUrls: ["javascript:alert(1)"] }],
  ];
  test.for(refused)("%s: %j", async ([code, data]) => {
    expect(failed(await create(data)).code).toBe(code);
  });

  test("a connector for users stores no values and supports users only", async () => {
    const saved = succeeded(await create({ subjectType: "user", instructions: "Paste it." }));
    expect(apiKeyDriver.capabilities(saved.config)).toMatchObject({
      supportedSubjectTypes: ["user"],
      userTokens: { manualCredentialInput: true },
      // The page names the environment that asks, so what is pasted there is not another's.
      partition: "environment",
    });
    expect(apiKeyDriver.capabilities(saved.config)).not.toHaveProperty("appTokens");
  });

  test("static keys are shared between environments and cannot be revoked upstream", async () => {
    const saved = await withValues([{ value: "a" }, { value: "b", scope: "read" }]);
    expect(apiKeyDriver.capabilities(saved.config)).toMatchObject({
      supportedSubjectTypes: ["app"],
      supportsRevocation: false,
      partition: "shared",
      appTokens: { scopes: ["read"] },
    });
  });
});

describe("an update", () => {
  test("adds, changes and deletes values and leaves the rest alone", async () => {
    const saved = await withValues([
      { value: "a", scope: "one", expiresAt: NOW + 5000 },
      { value: "b" },
      { value: "c" },
    ]);
    const updated = succeeded(
      await apiKeyDriver.update(
        saved,
        {
          toAdd: [{ value: "d", scope: "four" }],
          toUpdate: [{ id: idOf(saved, 0), value: "a2", scope: null, expiresAt: "" }],
          toDelete: [idOf(saved, 1)],
          instructions: "New.",
        },
        CONTEXT,
        deps,
      ),
    );
    expect(apiKeyDriver.redact(updated.config, [])).toMatchObject({
      values: [{ id: idOf(saved, 0) }, { id: idOf(saved, 2) }, { scope: "four" }],
      instructions: "New.",
    });
    expect(Object.values(updated.secrets).sort()).toEqual(["a2", "c", "d"]);
    expect(await minted(updated, ["four"])).toBe("d");
  });

  test("a value of null stays, and so do a scope and an expiry that are not named", async () => {
    const saved = await withValues([{ value: "a", scope: "one", expiresAt: NOW + 5000 }]);
    const toUpdate = [{ id: idOf(saved, 0), value: null }];
    const updated = succeeded(await apiKeyDriver.update(saved, { toUpdate }, CONTEXT, deps));
    expect(updated).toEqual(saved);
  });

  test("expiresAt as digits is a time, as typed clients may send it", async () => {
    const saved = await withValues([{ value: "a" }]);
    const toUpdate = [{ id: idOf(saved, 0), expiresAt: String(NOW + 5000) }];
    const updated = succeeded(await apiKeyDriver.update(saved, { toUpdate }, CONTEXT, deps));
    expect(succeeded(await mint(updated)).expiresAtMs).toBe(NOW + 5000);
  });

  test("an id that is not stored, or named twice, changes nothing", async () => {
    const saved = await withValues([{ value: "a" }]);
    const id = idOf(saved, 0);
    const updates = [
      { toDelete: ["val_other"] },
      { toUpdate: [{ id: "val_other", value: "x" }] },
      { toDelete: [id], toUpdate: [{ id, value: "x" }] },
      { toDelete: [id, id] },
    ];
    for (const data of updates) {
      expect(failed(await apiKeyDriver.update(saved, data, CONTEXT, deps)).code).toBe("invalid_config");
    }
  });

  test.for(["subjectType", "serviceUrls", "values"])("%s is not part of an update", async (name) => {
    const saved = await withValues([{ value: "a" }]);
    expect(failed(await apiKeyDriver.update(saved, { [name]: [] }, CONTEXT, deps)).code).toBe("unknown_field");
  });

  test("a connector never grows past 50 values", async () => {
    const saved = await withValues(Array.from({ length: 50 }, () => ({ value: "a" })));
    expect(failed(await apiKeyDriver.update(saved, { toAdd: [{ value: "b" }] }, CONTEXT, deps)).code).toBe(
      "invalid_config",
    );
  });
});

test("a type without a driver has none", () => {
  expect(implementedTypes).toEqual(["oauth", "api-key", "github"]);
  expect(driverOf("api-key")).toBe(apiKeyDriver);
  expect(driverOf("slack")).toBeNull();
});
