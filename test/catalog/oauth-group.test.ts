import { describe, expect, test } from "vitest";
import { oauthDriver } from "../../src/catalog/oauth/driver.ts";
import { createOAuth, DEFAULTS, failed, succeeded } from "./support.ts";

const SERVER = {
  issuer: "https://as.example.com",

  token_endpoint: "https://as.example.com/token",
};

describe("which group a request means", () => {
  const resolve = async (group: Partial<typeof DEFAULTS>, extra: Record<string, unknown> = {}) => {
    const saved = succeeded(
      await createOAuth(
        { ...SERVER, authorization_details_types_supported: ["files"] },
        { clientCredentials: { enabled: true, scopes: ["b", "a"] }, ...extra },
      ),
    );
    return oauthDriver.resolveGroup(saved.config, "app", { ...DEFAULTS, ...group });
  };

  test("none and * are the connector's defaults, in canonical order", async () => {
    for (const scopes of [[], ["*"]]) expect(succeeded(await resolve({ scopes })).scopes).toEqual(["a", "b"]);
    expect(succeeded(await resolve({ scopes: ["z", "a", "z"] })).scopes).toEqual(["a", "z"]);
  });

  test.for([
    ["*", "a"],
    ["a b"],
    ["a\\"],
    ['"'],
    ["é"],
    [""],
    ["a".repeat(257)],
    Array.from({ length: 101 }, (_, index) => `s${index}`),
  ])("the scopes %j are 400 invalid_scope", async (scopes) => {
    expect(failed(await resolve({ scopes })).code).toBe("invalid_scope");
  });

  test.for(["relative", "https://a.example.com/#f", "//a.example.com", "", "https://a b"])(
    "the resource %j is 400 invalid_target",
    async (resource) => {
      expect(failed(await resolve({ resources: [resource] })).code).toBe("invalid_target");
    },
  );

  test("authorization details of a type that the provider does not list are refused, not dropped", async () => {
    expect((await resolve({ authorizationDetails: [{ type: "files" }] })).ok).toBe(true);
    expect(failed(await resolve({ authorizationDetails: [{ type: "payments" }] })).code).toBe("invalid_target");
  });

  test("the default audience fills in and never adds to what was asked", async () => {
    const extra = { defaultAudience: "https://api.example.com" };
    expect(succeeded(await resolve({}, extra)).audience).toEqual(["https://api.example.com"]);
    expect(succeeded(await resolve({ audience: ["x"] }, extra)).audience).toEqual(["x"]);
  });
});
