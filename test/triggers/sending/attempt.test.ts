import { decodeProtectedHeader, importJWK, jwtVerify } from "jose";
import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { sha256Base64url } from "../../../src/crypto/digest.ts";
import { Secret } from "../../../src/crypto/secret.ts";
import { publicJwks } from "../../../src/issuer/signing-keys.ts";
import { startPayload } from "../../../src/triggers/ingress/payload-writer.ts";
import { makeAttempt } from "../../../src/triggers/sending/attempt.ts";
import type { StoredDestination } from "../../../src/triggers/settings/destination-row.ts";
import { hostile, lastRequest, otherHost, requestCount } from "../../providers/hostile.ts";
import type { TestServices } from "../../support/services.ts";
import { testServices } from "../../support/services.ts";
import { destination, event, forwardedConnector, keys, randomBytes, signingSecret, TEAM } from "./world.ts";

const connector = await forwardedConnector();
const services = await testServices();
const delivery = { id: "dlv_1", series: 0, attemptCount: 0 };

/** One attempt at `/{behaviour}`, and what the destination received. */
async function attempt(
  path: string,
  options: {
    query?: Record<string, string>;
    fields?: Partial<StoredDestination>;
    made?: Awaited<ReturnType<typeof event>>;
    services?: TestServices;
  } = {},
) {
  const key = crypto.randomUUID();
  const url = hostile(path, { ...options.query, key });
  const to = await destination(connector.id, { url, ...options.fields });
  const { record, bytes } = options.made ?? (await event(connector.id));
  const deps = options.services ?? services;
  const result = await makeAttempt({ delivery, event: record, payload: bytes, destination: to, connector }, deps);
  return { ...result, url, to, record, received: await lastRequest(key) };
}

test("a destination receives the bytes, the provider's headers, who sends it, and what it is", async () => {
  const body = '{"text":"Grüße \\u00fc",  "n":1}\n';
  const made = await event(connector.id, body, {
    headers: { "x-github-event": "push" },
    contentType: "application/json; charset=utf-8",
  });
  const { attempt: tried, received, record } = await attempt("/ok", { made });
  expect(tried).toMatchObject({ outcome: "delivered", status: 200, response: null });
  expect(tried.id).toMatch(/^att_/);
  expect(received?.method).toBe("POST");
  expect(received?.body).toBe(body);
  expect(received?.headers).toMatchObject({
    "content-type": "application/json; charset=utf-8",
    "content-length": String(made.bytes.length),
    "x-github-event": "push",
    "webhook-id": record.id,
    "connect-delivery": "dlv_1",
    "connect-attempt": "1",
    "connect-hop": "1",
  });
  expect(received?.headers).not.toHaveProperty("connect-replay");
});

test("a repeat and a replay say so", async () => {
  const key = crypto.randomUUID();
  const to = await destination(connector.id, { url: hostile("/ok", { key }) });
  const { record, bytes } = await event(connector.id);
  const fifth = { id: "dlv_2", series: 3, attemptCount: 4 };
  await makeAttempt({ delivery: fifth, event: record, payload: bytes, destination: to, connector }, services);
  expect((await lastRequest(key))?.headers).toMatchObject({ "connect-attempt": "5", "connect-replay": "3" });
});

describe("W-10 the forward token", () => {
  async function claimsOf(token: string, audience: string) {
    const [jwk] = (await publicJwks(services)).keys;
    return jwtVerify(token, await importJWK(jwk ?? {}, "ES256"), {
      issuer: services.settings.publicOrigin,
      audience,
      typ: "connect-webhook+jwt",
    });
  }

  test("is for one destination, method, URL and body, for five minutes, and says what the contract says", async () => {
    const {
      attempt: tried,
      received,
      url,
      to,
      record,
    } = await attempt("/ok", {
      fields: { audience: "project:prj_1:production", projectId: "prj_1", environment: "production" },
    });
    const token = received?.headers.authorization?.replace("Bearer ", "") ?? "";
    expect(decodeProtectedHeader(token)).toEqual({ alg: "ES256", kid: expect.any(String), typ: "connect-webhook+jwt" });
    const { payload } = await claimsOf(token, to.audience);
    const { iat = 0, nbf = 0, exp = 0, ...claims } = payload;
    expect(exp - iat).toBe(300);
    expect(iat - nbf).toBe(5);
    expect(Math.abs(iat * 1000 - tried.startedAtMs)).toBeLessThanOrEqual(1000);
    expect(claims).toEqual({
      iss: services.settings.publicOrigin,
      aud: "project:prj_1:production",
      sub: `connector:${connector.id}`,
      jti: tried.id,
      htm: "POST",
      htu: url,
      body_sha256: await sha256Base64url(received?.body ?? ""),
      event_id: record.id,
      delivery_id: "dlv_1",
      tenant_id: "T1",
      project_id: "prj_1",
      environment: "production",
      trigger: { id: connector.id, uid: connector.uid, type: connector.type, service: connector.service },
    });
  });

  test("W-10 fault 65 one destination's token is no other's, and every attempt has its own", async () => {
    const one = await attempt("/ok", { fields: { audience: "https://a.example.com/h" } });
    const two = await attempt("/ok", { fields: { audience: "https://b.example.com/h" } });
    const token = one.received?.headers.authorization?.replace("Bearer ", "") ?? "";
    await expect(claimsOf(token, two.to.audience)).rejects.toMatchObject({ claim: "aud" });
    expect(one.attempt.id).not.toBe(two.attempt.id);
  });

  test("fault 65 time is that of the attempt, so that a delivery that waited for hours is not sent with a stale token", async () => {
    const late = { ...services, now: () => Date.now() + 7_200_000 };
    const { received } = await attempt("/ok", { services: late });
    const token = received?.headers.authorization?.replace("Bearer ", "") ?? "";
    const { iat } = JSON.parse(atob(token.split(".")[1]?.replaceAll("-", "+").replaceAll("_", "/") ?? ""));
    expect(iat * 1000).toBeGreaterThan(Date.now() + 7_190_000);
    expect(Number(received?.headers["webhook-timestamp"])).toBe(iat);
  });

  test("names our installation beside the provider's tenant", async () => {
    const made = await event(connector.id, "{}", { installationId: "ins_1" });
    const { received, to } = await attempt("/ok", { made });
    const token = received?.headers.authorization?.replace("Bearer ", "") ?? "";
    expect((await claimsOf(token, to.audience)).payload).toMatchObject({ installation_id: "ins_1", tenant_id: "T1" });
  });

  test("an event about several tenants names none as the tenant", async () => {
    const made = await event(connector.id, "{}", { tenants: ["T1", "T2"] });
    const { received } = await attempt("/ok", { made });
    const text = received?.headers.authorization?.split(".")[1] ?? "";
    expect(JSON.parse(atob(text.replaceAll("-", "+").replaceAll("_", "/")))).not.toHaveProperty("tenant_id");
  });
});

describe("Standard Webhooks", () => {
  test("the specification's own library verifies what arrives, byte for byte", async () => {
    const { received } = await attempt("/ok", { made: await event(connector.id, '{"text":"ü — 日本"}') });
    const verifier = new Webhook(signingSecret(1));
    expect(verifier.verify(received?.body ?? "", received?.headers ?? {})).toEqual({ text: "ü — 日本" });
    expect(() => verifier.verify(`${received?.body} `, received?.headers ?? {})).toThrow();
    expect(() => new Webhook(signingSecret(9)).verify(received?.body ?? "", received?.headers ?? {})).toThrow();
  });

  test("fault 57 while a rotation lasts both secrets sign, and what has expired does not", async () => {
    const key = crypto.randomUUID();
    const soon = { expiresAtMs: Date.now() + 60_000 };
    const to = await destination(connector.id, { url: hostile("/ok", { key }) }, [
      { value: Secret.of(signingSecret(2)) },
      { value: Secret.of(signingSecret(1)), ...soon },
      { value: Secret.of(signingSecret(3)), expiresAtMs: 1 },
    ]);
    const { record, bytes } = await event(connector.id);
    await makeAttempt({ delivery, event: record, payload: bytes, destination: to, connector }, services);
    const received = await lastRequest(key);
    expect(received?.headers["webhook-signature"]?.split(" ")).toHaveLength(2);
    for (const fill of [1, 2]) new Webhook(signingSecret(fill)).verify(received?.body ?? "", received?.headers ?? {});
    expect(() => new Webhook(signingSecret(3)).verify(received?.body ?? "", received?.headers ?? {})).toThrow();
  });
});

describe("fault 66 W-09: nothing overrides what is ours", () => {
  test("whatever the event's headers are called", async () => {
    const headers = {
      Authorization: "Bearer stolen",
      "Webhook-Id": "evt_forged",
      "webhook-signature": "v1,forged",
      "connect-delivery": "dlv_forged",
      "Content-Length": "1",
      host: "evil.example.com",
      cookie: "a=b",
      "x-crlf": "1\r\nx-injected: 1",
      "x-fine": "1",
    };
    const { received, record } = await attempt("/ok", { made: await event(connector.id, "{}", { headers }) });
    expect(received?.headers).toMatchObject({ "webhook-id": record.id, "connect-delivery": "dlv_1", "x-fine": "1" });
    expect(received?.headers.authorization).toMatch(/^Bearer eyJ/);
    expect(JSON.stringify(received)).not.toMatch(/forged|stolen|evil|injected/);
    expect(received?.headers).not.toHaveProperty("cookie");
    expect(received?.body).toBe("{}");
  });
});

describe("fault 60: a destination that", () => {
  const quick = { timeoutMs: 300 };

  test("hangs is given up in time", async () => {
    const { attempt: tried, answer } = await attempt("/hang", { fields: quick });
    expect(tried).toMatchObject({ outcome: "timeout", status: null, response: null });
    expect(answer).toBeNull();
  });

  test("drips its body has answered with its status, and does not hold us", async () => {
    expect((await attempt("/drip", { fields: quick })).attempt).toMatchObject({ outcome: "delivered", status: 200 });
  });

  test("sends 5 MB or a gzip bomb is heard for 4 KiB", async () => {
    for (const path of ["/huge", "/gzip-bomb"]) {
      const { attempt: tried, answer } = await attempt(path);
      expect(tried).toMatchObject({ outcome: "delivered", status: 200 });
      expect(answer?.body.length).toBe(4096);
    }
  });

  test("closes in the middle of its body after a 200 has it", async () => {
    expect((await attempt("/truncated")).attempt).toMatchObject({ outcome: "delivered", status: 200 });
  });

  test("resets, refuses the connection or has no name is a network failure", async () => {
    expect((await attempt("/reset")).attempt).toMatchObject({ outcome: "network", status: null });
    for (const url of ["http://127.0.0.1:1/", "http://nowhere.localhost:1/"]) {
      const to = { fields: { url } };
      expect((await attempt("/ok", to)).attempt).toMatchObject({ outcome: "network", status: null });
    }
  });
});

describe("fault 61 W-08 E-03: a redirect", () => {
  test.for(["301", "302", "303", "307", "308"])(
    "%s is a failure, and nobody is called in its place",
    async (status) => {
      const key = crypto.randomUUID();
      for (const to of [otherHost("/ok", { key }), hostile("/ok", { key }), "http://169.254.169.254/"]) {
        const { attempt: tried } = await attempt(`/redirect/${status}`, { query: { to } });
        expect(tried).toMatchObject({ outcome: "redirect_refused", status: Number(status) });
      }
      expect(await requestCount(key)).toBe(0);
    },
  );
});

describe("fault 66 W-08: a URL that must not be called", () => {
  test.for([
    "http://example.com/",
    "https://10.0.0.1/",
    "https://2852039166/",
    "https://[fe80::1]/",
    "https://metadata.google.internal/",
    "https://app.localtest.me/",
    "https://app.example.com:8443/",
    "https://user:pass@app.example.com/",
    "ftp://app.example.com/",
    "not a url",
  ])("%s is judged again when it is sent", async (url) => {
    const network: typeof fetch = () => Promise.reject(new Error("must not be called"));
    const { attempt: tried } = await attempt("/ok", { fields: { url }, services: await testServices({ network }) });
    expect(tried).toMatchObject({ outcome: "url_not_allowed", status: null });
  });

  test("E-11 our own host is one", async () => {
    const url = `${services.settings.publicOrigin}/hooks/abc`;
    expect((await attempt("/ok", { fields: { url } })).attempt).toMatchObject({ outcome: "url_not_allowed" });
  });

  test("E-11 an event that has been through three deployments is not sent on", async () => {
    const made = await event(connector.id, "{}", { headers: { "connect-hop": "3" } });
    const { attempt: tried, received } = await attempt("/ok", { made });
    expect(tried).toMatchObject({ outcome: "too_many_hops", status: null });
    expect(received).toBeNull();
  });

  test("an origin that is not configured any more is no place to send to", async () => {
    expect((await attempt("/ok", { fields: { url: null } })).attempt).toMatchObject({ outcome: "misconfigured" });
  });
});

test("what a failing destination says is kept, without control characters; a success is not quoted", async () => {
  const { attempt: tried } = await attempt("/json", {
    query: { status: "500", body: `\u001b[2Jno${"x".repeat(500)}` },
  });
  expect(tried.response).toMatch(/^\[2Jnox+$/);
});

describe("a payload of more than a megabyte", { timeout: 30_000 }, () => {
  async function large(size: number) {
    const made = await event(connector.id, "");
    const bytes = new Uint8Array(size).map((_, index) => 97 + (index % 26));
    const place = { teamId: TEAM, connectorId: connector.id, eventId: made.record.id };
    const writer = startPayload({ keys, blobs: services.blobs, randomBytes }, place);
    for (let offset = 0; offset < size; offset += 1_000_000)
      await writer.write(bytes.subarray(offset, offset + 1_000_000));
    const payload = await writer.finish();
    return { record: { ...made.record, size, bodySha256: await sha256Base64url(bytes) }, payload, bytes };
  }

  test("is streamed with its length, whole, and signed over all of its segments", async () => {
    const { record, payload, bytes } = await large(11_000_000);
    const key = crypto.randomUUID();
    const to = await destination(connector.id, { url: hostile("/ok", { key }) });
    const { attempt: tried } = await makeAttempt(
      { delivery, event: record, payload, destination: to, connector },
      services,
    );
    expect(tried).toMatchObject({ outcome: "delivered" });
    const received = await lastRequest(key);
    expect(received?.headers["content-length"]).toBe("11000000");
    expect(await sha256Base64url(received?.body ?? "")).toBe(await sha256Base64url(bytes));
    const signed = new Webhook(signingSecret(1)).sign(
      record.id,
      new Date(Number(received?.headers["webhook-timestamp"]) * 1000),
      received?.body ?? "",
    );
    expect(received?.headers["webhook-signature"]).toBe(signed);
  });

  test("is let go of when the destination answers without reading it, or hangs", async () => {
    const { record, payload } = await large(6_000_000);
    const to = await destination(connector.id, { url: hostile("/hang"), timeoutMs: 300 });
    expect(
      (await makeAttempt({ delivery, event: record, payload, destination: to, connector }, services)).attempt.outcome,
    ).toBe("timeout");
  });

  test("fault 48 that is missing, cut or altered is never sent in part", async () => {
    const { record, payload } = await large(11_000_000);
    if (payload.kind !== "blob") throw new Error("not a blob");
    const key = crypto.randomUUID();
    const to = await destination(connector.id, { url: hostile("/ok", { key }) });
    const outcome = async () =>
      (await makeAttempt({ delivery, event: record, payload, destination: to, connector }, services)).attempt.outcome;
    const stored = (await services.blobs.get(payload.key)) ?? new Uint8Array();
    const altered = stored.slice();
    altered[altered.length - 1] = (altered[altered.length - 1] ?? 0) ^ 1;
    await services.blobs.put(payload.key, altered);
    expect(await outcome()).toBe("payload_gone");
    await services.blobs.put(payload.key, stored.slice(0, 6_000_000));
    expect(await outcome()).toBe("payload_gone");
    await services.blobs.delete([payload.key]);
    expect(await outcome()).toBe("payload_gone");
    expect(await requestCount(key)).toBe(0);
  });
});

test("storage that fails, and a key that is missing, are thrown: nothing was sent", async () => {
  const { record } = await event(connector.id);
  const key = crypto.randomUUID();
  const to = await destination(connector.id, { url: hostile("/ok", { key }) });
  const blobs = { ...services.blobs, range: () => Promise.reject(new Error("r2 is down")) };
  const payload = { kind: "blob", key: "x", kid: "k1", segmentBytes: 100 } as const;
  await expect(
    makeAttempt({ delivery, event: record, payload, destination: to, connector }, { ...services, blobs }),
  ).rejects.toThrow("r2 is down");
  const noKeys = { primaryKid: "k9", kids: [], key: () => null };
  await expect(
    makeAttempt(
      { delivery, event: record, payload: new Uint8Array(), destination: { ...to }, connector },
      { ...services, keys: noKeys },
    ),
  ).rejects.toMatchObject({ failure: { code: "key_missing" } });
  expect(await requestCount(key)).toBe(0);
});
