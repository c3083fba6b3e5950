import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { apiKeyBody, created, newWorld, type World } from "../../connectors/world.ts";

const MIB = 1024 * 1024;
let world: World;
let connector: string;
let publicKey: string;
beforeAll(async () => {
  world = await newWorld({});
  const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
  publicKey = new Uint8Array((await crypto.subtle.exportKey("raw", pair.publicKey)) as ArrayBuffer).toBase64();
});
beforeEach(async () => {
  connector = await created(world, apiKeyBody());
});

const put = (body: unknown) => world.api.put(`/v1/connect/connectors/${connector}/triggers`, body, world.owner);
const get = async () => (await world.api.get(`/v1/connect/connectors/${connector}/triggers`, world.owner)).body;
const own = (fields: object) => ({
  recipe: { signature: { header: "x-signature", algorithm: "hmac-sha256" }, ...fields },
});
const typeFrom = (...type: object[]) => ({ event: { type: [type] } });

async function expectCap(cap: number): Promise<void> {
  const over = await put({ maxBodyBytes: cap + 1 });
  expect([over.status, over.body.error.message]).toEqual([400, expect.stringMatching(/maxBodyBytes/)]);
  if (cap < 25 * MIB) expect(over.body.error.message).toContain(`at most ${cap}`);
  expect((await put({ maxBodyBytes: cap })).body.maxBodyBytes).toBe(cap);
}

describe("no more is promised of a body's length than the ingress takes", () => {
  test.for([
    ["a provider with public keys", { provider: "discord" }, 5],
    ["a provider whose body has its secret", { provider: "figma" }, 1],
    ["a provider that answers with MACs", { provider: "x" }, 5],
    ["a recipe that is code", { provider: "notion" }, 5],
    [
      "one's own recipe with a public key",
      own({ signature: { header: "x", algorithm: "ecdsa-p256" }, secret: { encoding: "base64" } }),
      5,
    ],
    ["one's own recipe that blanks something", own({ strips: ["/token"] }), 5],
    ["one's own recipe for forms", own(typeFrom({ form: "type" })), 5],
    ["one's own recipe for forms and JSON", own(typeFrom({ form: "type" }, { pointer: "/type" })), 25],
    ["one's own recipe with a limit", own({ maxBodyBytes: 3 * MIB }), 3],
    ["one's own recipe with a limit that it cannot keep", own({ strips: ["/token"], maxBodyBytes: 9 * MIB }), 5],
    ["a provider with MACs", { provider: "github" }, 25],
    ["a provider that may have public keys", { provider: "svix" }, 25],
  ] as const)("%s", async ([, recipe, mebibytes]) => {
    const { status, text } = await put(recipe);
    expect([status, text]).toEqual([200, text]);
    await expectCap(mebibytes * MIB);
  });

  test("a public key among the secrets lowers it, and so does another recipe", async () => {
    expect((await put({ provider: "svix", secrets: ["whsec_AAAA"], maxBodyBytes: 25 * MIB })).status).toBe(200);
    const refused = await put({ secrets: [`whpk_${publicKey}`], maxBodyBytes: 6 * MIB });
    expect([refused.status, (await get()).secrets.length]).toEqual([400, 1]);
    expect((await put({ secrets: [`whpk_${publicKey}`] })).body.maxBodyBytes).toBe(5 * MIB);
    await expectCap(5 * MIB);
    await put({ provider: "github", maxBodyBytes: 25 * MIB });
    expect((await put({ provider: "discord" })).body.maxBodyBytes).toBe(5 * MIB);
  });

  test("what was stored while it was promised is shown as it is", async () => {
    await put({ provider: "discord" });
    await env.DB.prepare("UPDATE triggers SET max_body_bytes = ? WHERE connector_id = ?")
      .bind(25 * MIB, connector)
      .run();
    expect((await get()).maxBodyBytes).toBe(5 * MIB);
  });

  test("what is switched off does not need its secrets opened", async () => {
    await put({ enabled: true, provider: "svix", secrets: ["whsec_AAAA"] });
    await env.DB.prepare("UPDATE triggers SET secrets_sealed = 'x' WHERE connector_id = ?").bind(connector).run();
    await put({ enabled: false });
    const row = env.DB.prepare("SELECT enabled FROM triggers WHERE connector_id = ?").bind(connector);
    expect(await row.first()).toEqual({ enabled: 0 });
  });
});
