import { describe, expect, test } from "vitest";
import { callerIdentity } from "../../src/sdk/credential.ts";
import { Deployment, jwt } from "./deployment.ts";

const CLAIMS = {
  iss: "https://oidc.example.com",
  sub: "owner:acme:project:web:environment:production",
  aud: ["https://connect.example.com", "https://other.example.com"],
  project_id: "prj_1",
  environment: "production",
  exp: 1_900_000_000,
  iat: 1_800_000_000,
  jti: "1",
};

describe("whose token is in memory", () => {
  test("a rotated JWT of the same workload still hits", async () => {
    const deployment = new Deployment();
    const credentials = [
      jwt(CLAIMS),
      jwt({ ...CLAIMS, exp: 1, iat: 2, nbf: 3, jti: "2", aud: [...CLAIMS.aud].reverse() }),
    ];
    const client = deployment.client({ credential: async () => credentials.shift() ?? "" });
    expect(await client.getToken("slack/acme")).toBe(await client.getToken("slack/acme"));
    expect(deployment.tokenRequests).toBe(1);
  });

  test.for([
    ["issuer", { iss: "https://evil.example.com" }],
    ["subject", { sub: "owner:acme:project:web:environment:preview" }],
    ["audience", { aud: "https://connect.example.com" }],
    ["project", { project_id: "prj_2" }],
    ["environment", { environment: "preview" }],
    ["claim that only the operator knows to matter", { ref: "refs/heads/fork" }],
  ] as const)("a workload with another %s never gets a token that was fetched for the first", async ([, change]) => {
    const deployment = new Deployment();
    const credentials = [jwt(CLAIMS), jwt({ ...CLAIMS, ...change })];
    const client = deployment.client({ credential: () => credentials.shift() ?? "" });
    expect(await client.getToken("slack/acme")).not.toBe(await client.getToken("slack/acme"));
  });

  test("two access tokens never share, and the key does not hold them", async () => {
    const [a, b] = [await callerIdentity("vk_a_secret"), await callerIdentity("vk_b_secret")];
    expect(a).not.toBe(b);
    expect(a).toBe(await callerIdentity("vk_a_secret"));
    expect(a).not.toContain("secret");
  });

  test.for(["a.b", "a.b.c", "a.b.c.d.e", "..", `e30.${btoa("[1]")}.e30`, `e30.${btoa('{"iss":"x"}')}.e30`])(
    "what only looks like a JWT is told apart by its bytes: %s",
    async (credential) => {
      expect(await callerIdentity(credential)).toMatch(/^opaque:[0-9a-f]{64}$/);
    },
  );

  test("claims in any script are read", async () => {
    const identity = (sub: string) => callerIdentity(jwt({ iss: "https://oidc.example.com", sub }));
    expect(await identity("зоя")).not.toBe(await identity("лев"));
    expect(await identity("зоя")).toContain("зоя");
  });

  test("the current credential is sent, not the one of the first request", async () => {
    const deployment = new Deployment();
    const credentials = ["vk_one\n", "vk_two"];
    const client = deployment.client({ credential: () => credentials.shift() ?? "" });
    await client.getToken("slack/acme");
    await client.getToken("slack/acme");
    const sent = deployment.seen.map(({ headers }) => headers.get("authorization"));
    expect(sent).toEqual(["Bearer vk_one", "Bearer vk_two"]);
  });
});
