import { exportSPKI, importJWK } from "jose";
import { describe, expect, test } from "vitest";
import { COOL_DOWN_MS } from "../../../../src/callers/jwks-cache.ts";
import { base64url, utf8 } from "../../../../src/crypto/bytes.ts";
import {
  expectEvent,
  type FakeAnswer,
  hmac,
  judge,
  NOW_MS,
  outside,
  refusal,
  tokenSigner,
  webhook,
} from "./support.ts";

const KEYS = "https://login.botframework.com/v1/.well-known/keys";
const APP = "5b2c1a9e-0000-4000-8000-000000000001";
const SERVICE = "https://smba.trafficmanager.net/emea/";
const NOW = NOW_MS / 1000;

const connector = await tokenSigner("teams-1");
const other = await tokenSigner("teams-2");
const ENDORSED = { ...connector.publicJwk, endorsements: ["msteams", "skype"] };

const ACTIVITY = {
  type: "message",
  id: "1700000000001",
  timestamp: "2027-01-15T07:59:58.123Z",
  serviceUrl: SERVICE,
  channelId: "msteams",
  conversation: { id: "19:abc@thread.tacv2" },
  channelData: { tenant: { id: "11111111-2222-3333-4444-555555555555" } },
};
const CLAIMS = {
  iss: "https://api.botframework.com",
  aud: APP,
  nbf: NOW - 10,
  exp: NOW + 3600,
  serviceurl: SERVICE,
};

function scene(published: () => FakeAnswer | Promise<FakeAnswer> = () => JSON.stringify({ keys: [ENDORSED] })) {
  const world = outside({ [KEYS]: published });
  const send = (authorization: string | null, body: object | string = ACTIVITY) =>
    judge(
      "bot-framework",
      webhook({ body, headers: authorization === null ? {} : { authorization } }),
      { settings: { appIds: [APP, "second-app"] } },
      world.deps,
    );
  return {
    ...world,
    send,
    token: async (claims: object = {}, header: object = {}, body: object = ACTIVITY) =>
      send(`Bearer ${await connector.sign({ ...CLAIMS, ...claims }, { ...header })}`, body),
  };
}

describe("an activity of the Bot Framework", () => {
  test("passes with a token for our app from its service, and is known by an id that is not signed", async () => {
    const world = scene();
    expect(expectEvent(await world.token())).toEqual({
      type: "message",
      tenants: ["11111111-2222-3333-4444-555555555555"],
      id: "19:abc@thread.tacv2.1700000000001",
      idIsSigned: false,
      sentAtMs: Date.UTC(2027, 0, 15, 7, 59, 58, 123),
    });
    expectEvent(await world.token({ aud: "second-app" }));
    expect(world.urls).toEqual([KEYS]);
    expect(world.limits).toEqual([{ timeoutMs: 5_000, maxBytes: 262_144 }]);
  });

  test("says in its type what it invokes", async () => {
    const invoke = { ...ACTIVITY, type: "invoke", name: "task/fetch" };
    expect(expectEvent(await scene().token({}, {}, invoke)).type).toBe("invoke.task/fetch");
  });

  test("passes within five minutes of its token's times, either way", async () => {
    expectEvent(await scene().token({ exp: NOW - 299 }));
    expectEvent(await scene().token({ nbf: NOW + 299 }));
  });

  test("passes nowhere while no app is configured", async () => {
    const verdict = await judge("bot-framework", webhook({ body: ACTIVITY, headers: { authorization: "Bearer x" } }));
    expect(verdict).toEqual({ kind: "misconfigured" });
  });
});

describe("fault 36 a token is refused", () => {
  test.each([
    ["of another issuer", { iss: "https://sts.windows.net/11111111-2222-3333-4444-555555555555/" }],
    ["whose issuer looks like ours", { iss: "https://api.botframework.com/" }],
    ["without an issuer", { iss: undefined }],
    ["for another app", { aud: "5b2c1a9e-0000-4000-8000-000000000002" }],
    ["for no app", { aud: undefined }],
    ["for a list without ours", { aud: ["a", "b"] }],
    ["that has expired", { exp: NOW - 301 }],
    ["that never expires", { exp: undefined }],
    ["whose end is a text", { exp: "2099" }],
    ["from the future", { nbf: NOW + 301 }],
    ["for another service", { serviceurl: "https://evil.example.com/" }],
    ["whose service is ours but for the case", { serviceurl: SERVICE.toUpperCase() }],
    ["for no service", { serviceurl: undefined }],
  ])("%s", async (_, claims) => {
    const reason = "iss" in claims && claims.iss === undefined ? "signature_malformed" : "token_invalid";
    expect(await scene().token(claims)).toEqual(refusal(reason));
  });

  test.each([
    ["names another service", { serviceUrl: "https://evil.example.com/" }],
    ["names none", { serviceUrl: undefined }],
    ["names a channel that the key does not speak for", { channelId: "webchat" }],
    ["names no channel", { channelId: undefined }],
    ["names its channels as a list", { channelId: ["msteams"] }],
  ])("when the body %s", async (_, change) => {
    expect(await scene().token({}, {}, { ...ACTIVITY, ...change })).toEqual(refusal("token_invalid"));
  });

  test("when the body is no object", async () => {
    for (const body of ["", "[]", "null", "message"]) {
      const authorization = `Bearer ${await connector.sign(CLAIMS)}`;
      expect(await scene().send(authorization, body)).toEqual(refusal("token_invalid"));
    }
  });

  test("when no key is endorsed for any channel", async () => {
    for (const key of [
      connector.publicJwk,
      { ...ENDORSED, endorsements: "msteams" },
      { ...ENDORSED, endorsements: [] },
    ]) {
      expect(await scene(() => JSON.stringify({ keys: [key] })).token()).toEqual(refusal("token_invalid"));
    }
  });

  test("with alg none, and with a MAC under the public key", async () => {
    const segment = (value: object) => base64url(utf8(JSON.stringify(value)));
    const world = scene();
    for (const alg of ["none", "None", "nOnE"]) {
      const none = `${segment({ alg, kid: "teams-1" })}.${segment(CLAIMS)}.`;
      expect((await world.send(`Bearer ${none}`)).kind).toBe("refused");
      expect(await world.send(`Bearer ${none}AA`)).toEqual(refusal("token_invalid"));
    }
    const key = await importJWK(connector.publicJwk, "RS256", { extractable: true });
    if (key instanceof Uint8Array) throw new Error("not a key");
    const signed = `${segment({ alg: "HS256", kid: "teams-1" })}.${segment(CLAIMS)}`;
    const mac = base64url(Uint8Array.fromBase64((await hmac("SHA-256", await exportSPKI(key), signed)).base64));
    expect(await world.send(`Bearer ${signed}.${mac}`)).toEqual(refusal("token_invalid"));
    expect(world.urls).toEqual([]);
  });

  test("signed by another key under our key's id", async () => {
    const authorization = `Bearer ${await other.sign(CLAIMS, { kid: "teams-1" })}`;
    expect(await scene().send(authorization)).toEqual(refusal("token_invalid"));
  });

  test("W-15 that brings its own key, or says where to fetch one, without a fetch there", async () => {
    for (const header of [
      { jwk: other.publicJwk },
      { jku: "https://evil.example.com/keys" },
      { x5u: "https://evil.example.com/cert" },
      { jku: "https://169.254.169.254/" },
    ]) {
      const world = scene();
      const authorization = `Bearer ${await other.sign(CLAIMS, { kid: "teams-1", ...header })}`;
      expect(await world.send(authorization)).toEqual(refusal("token_invalid"));
      expect(world.urls).toEqual([KEYS]);
    }
  });

  test("of another type, without a key id, or with an extension", async () => {
    const extended = { crit: ["b64"], b64: true };
    for (const header of [
      { typ: "at+jwt" },
      { typ: "connect-webhook+jwt" },
      { kid: undefined },
      { kid: "a b" },
      extended,
    ]) {
      expect(await scene().token({}, header)).toEqual(refusal("token_invalid"));
    }
  });

  test.each([
    ["fault 1 there is none", null, "signature_missing"],
    ["fault 2 empty", "", "signature_malformed"],
    ["fault 3 of another scheme", "Basic eDp5", "signature_malformed"],
    ["fault 6 garbage", "Bearer !!!", "signature_malformed"],
    ["two of them", "Bearer a.b.c, Bearer a.b.c", "signature_malformed"],
    ["in four parts", "Bearer a.b.c.d", "signature_malformed"],
    ["fault 12 endless", `Bearer ${"a".repeat(9000)}.b.c`, "signature_malformed"],
  ])("%s, before any key is fetched", async (_, authorization, reason) => {
    const world = scene();
    expect(await world.send(authorization)).toEqual(refusal(reason));
    expect(world.urls).toEqual([]);
  });
});

describe("fault 36 the set of keys", () => {
  test("is fetched once for a storm of unknown key ids, and then once in 30 s", async () => {
    const world = scene();
    for (let count = 0; count < 50; count++) {
      expect(await world.token({}, { kid: `made-up-${count}` })).toEqual(refusal("token_invalid"));
    }
    expectEvent(await world.token());
    expect(world.urls).toHaveLength(1);
    world.time.nowMs += COOL_DOWN_MS;
    for (let count = 0; count < 50; count++) await world.token({}, { kid: `another-${count}` });
    expect(world.urls).toHaveLength(2);
  });

  test("is fetched once for many who come at the same time", async () => {
    const world = scene(async () => {
      await scheduler.wait(60);
      return JSON.stringify({ keys: [ENDORSED] });
    });
    const verdicts = await Promise.all(Array.from({ length: 20 }, () => world.token()));
    expect(verdicts.map(({ kind }) => kind)).toEqual(Array.from({ length: 20 }, () => "event"));
    expect(world.urls).toHaveLength(1);
  });

  test.each([["down"], ["too large"], [503], ["<html>"], ['{"keys":7}']] as const)(
    "that cannot be had (%s) is 503, and the provider may come again when it can",
    async (answer) => {
      let current: FakeAnswer = answer;
      const world = scene(() => current);
      expect(await world.token()).toEqual(refusal("keys_unavailable", 503));
      current = JSON.stringify({ keys: [ENDORSED] });
      expect(await world.token()).toEqual(refusal("keys_unavailable", 503));
      expect(world.urls).toHaveLength(1);
      world.time.nowMs += COOL_DOWN_MS;
      expectEvent(await world.token());
    },
  );

  test("is kept when it cannot be renewed, and renewed when a new key is used", async () => {
    const published: { now: FakeAnswer } = { now: JSON.stringify({ keys: [ENDORSED] }) };
    const world = scene(() => published.now);
    expectEvent(await world.token());
    published.now = "down";
    world.time.nowMs += 20 * 60_000;
    expectEvent(await world.token());
    world.time.nowMs += COOL_DOWN_MS;
    published.now = JSON.stringify({ keys: [{ ...other.publicJwk, endorsements: ["msteams"] }] });
    expectEvent(await world.send(`Bearer ${await other.sign(CLAIMS)}`));
    expect(await world.token()).toEqual(refusal("token_invalid"));
  });

  test("is renewed before the request that found it old is answered: nothing goes on after that", async () => {
    let fetched = 0;
    const world = scene(async () => {
      await scheduler.wait(20);
      fetched++;
      return JSON.stringify({ keys: [ENDORSED] });
    });
    await world.token();
    world.time.nowMs += 11 * 60_000;
    expectEvent(await world.token());
    expect(fetched).toBe(2);
  });

  test("never lets a published private or symmetric key verify anything", async () => {
    const oct = { kty: "oct", k: "c2VjcmV0", kid: "teams-1", endorsements: ["msteams"] };
    expect(await scene(() => JSON.stringify({ keys: [oct] })).token()).toEqual(refusal("token_invalid"));
  });
});
