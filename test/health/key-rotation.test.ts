import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { loadKeyRing } from "../../src/crypto/key-ring.ts";
import { unwrap } from "../../src/errors.ts";
import { referencedKeyIds } from "../../src/keys/references.ts";
import { clock } from "../support/clock.ts";
import { ask, isolate, type Scene, scene } from "../support/connect.ts";
import { objectKeys } from "../support/object-keys.ts";

const SECOND = "k2:c2Vjb25kLW1hc3Rlci1rZXktb2YtdGhlLXRlc3RzLSE=";
const ring = async (text: string) => unwrap(await loadKeyRing(text));

beforeEach(() => {
  clock.reset();
  objectKeys.ring = null;
});

describe("D-05 master-key rotation", () => {
  let at: Scene;
  beforeAll(async () => {
    const { api } = await isolate();
    at = await scene(api, "rotation");
    expect((await ask(api, at)).status).toBe(200);
  });

  test("D-05 a new primary reads what the old one sealed, connector, caller and all, without a failed request", async () => {
    const prepared = await isolate({ keys: await ring(`${env.MASTER_KEYS},${SECOND}`) });
    const rotated = await isolate({ keys: await ring(`${SECOND},${env.MASTER_KEYS}`) });
    objectKeys.ring = rotated.services.keys;
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => ask((index % 2 === 0 ? prepared : rotated).api, at)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const created = await scene(rotated.api, "rotated");
    expect((await ask(rotated.api, created)).status).toBe(200);
    // What the new primary sealed, a not yet rotated isolate reads as well.
    expect((await ask(prepared.api, created)).status).toBe(200);
  });

  test("D-05 a ring without a key that rows refer to fails its health check with key_missing, and serves nothing sealed with it", async () => {
    const { api, services } = await isolate({ keys: await ring(SECOND) });
    const { status, body, text } = await api.get("/health");
    expect([status, body.error.code]).toEqual([503, "key_missing"]);
    // The request's id is random and may hold any two characters.
    expect(text.replace(body.error.request_id, "")).not.toContain("k1");
    expect(services.lines.join("\n")).toContain('"missingKeys":"k1"');
    expect((await ask(api, at)).status).toBeGreaterThanOrEqual(401);
  });

  test("the look for keys ends, whatever the issuer's own key ids sort before", async () => {
    const { services } = await isolate();
    await env.DB.exec(
      "INSERT INTO issuer_keys (kid, alg, public_jwk, private_jwk_sealed, private_jwk_kid, created_at_ms) VALUES ('0', 'ES256', '{}', '', 'k1', 0)",
    );
    expect(await referencedKeyIds(services)).toContain("k1");
    await env.DB.exec("DELETE FROM issuer_keys WHERE kid = '0'");
  });

  test("D-05 a whole ring is healthy", async () => {
    const { api } = await isolate({ keys: await ring(`${SECOND},${env.MASTER_KEYS}`) });
    expect((await api.get("/health")).body).toEqual({ status: "ok" });
  });

  test("a stranger's polling costs one look at the database in half a minute", async () => {
    const here = await isolate({ keys: await ring(`${SECOND},${env.MASTER_KEYS}`) });
    expect((await here.api.get("/health")).status).toBe(200);
    here.reset();
    for (let polls = 0; polls < 10; polls++) await here.api.get("/health");
    expect(here.calls.d1).toBe(0);
  });
});
