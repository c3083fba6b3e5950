import { describe, expect, test } from "vitest";
import { hex, utf8 } from "../../../../src/crypto/bytes.ts";
import { expectEvent, HOOK, hmac, judge, NOW_MS, refusal, webhook } from "./support.ts";

const SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy";
const CREATION = {
  eventId: 100,
  subscriptionId: 7,
  portalId: 62515,
  appId: 54321,
  occurredAt: NOW_MS - 1000,
  subscriptionType: "contact.creation",
  attemptNumber: 0,
  objectId: 123,
};

async function send(
  events: unknown,
  given: {
    url?: string;
    signedUrl?: string;
    sentAtMs?: number | string;
    headers?: Record<string, string>;
    secret?: string;
  } = {},
) {
  const { url = HOOK, signedUrl = url, sentAtMs = NOW_MS, headers = {}, secret = SECRET } = given;
  const body = JSON.stringify(events);
  const signature = (await hmac("SHA-256", secret, `POST${signedUrl}${body}${sentAtMs}`)).base64;
  const all = { "x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": String(sentAtMs), ...headers };
  return judge("hubspot", webhook({ url, body, headers: all }), { secrets: [SECRET] });
}

describe("a batch of HubSpot", () => {
  test("passes by its signature v3, and is about the accounts that it names", async () => {
    const event = expectEvent(await send([CREATION, { ...CREATION, eventId: 101, portalId: 7 }]));
    expect(event).toMatchObject({
      type: "contact.creation",
      tenants: ["62515", "7"],
      idIsSigned: true,
      sentAtMs: NOW_MS,
    });
  });

  test("has no type of its own when its events differ", async () => {
    expect(expectEvent(await send([CREATION, { ...CREATION, subscriptionType: "deal.creation" }])).type).toBeNull();
  });

  test("keeps its id when it is attempted again, and no other batch has it", async () => {
    const ids = await Promise.all(
      [
        [CREATION],
        [{ ...CREATION, attemptNumber: 3 }],
        // HubSpot does not promise that event ids are unique.
        [{ ...CREATION, occurredAt: NOW_MS }],
        [CREATION, CREATION],
      ].map(async (events) => expectEvent(await send(events)).id),
    );
    expect(ids[0]).toMatch(/^[\w-]{43}$/);
    expect(ids[1]).toBe(ids[0]);
    expect(new Set(ids).size).toBe(3);
  });

  test("passes with a URL whose escapes HubSpot signs as characters, and only those", async () => {
    const url = `${HOOK}?a=%3A%2F%3f%40%21%24%27%28%29%2A%2C%3B&b=%20%26%C3%BC%25`;
    const signedUrl = `${HOOK}?a=:/?@!$'()*,;&b=%20%26%C3%BC%25`;
    expectEvent(await send([CREATION], { url, signedUrl }));
    expect(await send([CREATION], { url, signedUrl: url })).toEqual(refusal("signature_mismatch"));
  });

  test("passes behind another address, once its URL is configured", async () => {
    const notificationUrl = "https://hooks.customer.example/hubspot?a=%2F";
    const body = JSON.stringify([CREATION]);
    const signature = await hmac("SHA-256", SECRET, `POST${notificationUrl.replace("%2F", "/")}${body}${NOW_MS}`);
    const headers = { "x-hubspot-signature-v3": signature.base64, "x-hubspot-request-timestamp": String(NOW_MS) };
    const request = webhook({ body, headers });
    expect(await judge("hubspot", request, { secrets: [SECRET] })).toEqual(refusal("signature_mismatch"));
    expectEvent(await judge("hubspot", request, { secrets: [SECRET], settings: { notificationUrl } }));
  });

  test("is refused when it was signed for another URL or by another secret", async () => {
    expect(await send([CREATION], { signedUrl: `${HOOK}/` })).toEqual(refusal("signature_mismatch"));
    expect(await send([CREATION], { secret: "another" })).toEqual(refusal("signature_mismatch"));
  });

  test("fault 25 W-03 is refused 300.001 s from its time, either way, and not at 300 s", async () => {
    for (const sign of [1, -1]) {
      expectEvent(await send([CREATION], { sentAtMs: NOW_MS + sign * 300_000 }));
      expect(await send([CREATION], { sentAtMs: NOW_MS + sign * 300_001 })).toEqual(refusal("timestamp_out_of_range"));
    }
    expect(await send([CREATION], { sentAtMs: "1e12" })).toEqual(refusal("timestamp_malformed"));
    expect(await send([CREATION], { headers: { "x-hubspot-request-timestamp": "" } })).toMatchObject({
      kind: "refused",
    });
  });

  test("W-01 is refused when its time was changed: the signature covers it", async () => {
    const headers = { "x-hubspot-request-timestamp": String(NOW_MS + 1) };
    expect(await send([CREATION], { headers })).toEqual(refusal("signature_mismatch"));
  });
});

describe("fault 32 W-02 a downgrade to HubSpot's older signatures", () => {
  const body = JSON.stringify([CREATION]);
  const digest = async (text: string) => hex(new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(text))));

  test.each([
    ["v1", () => digest(SECRET + body)],
    ["v2", () => digest(`${SECRET}POST${HOOK}${body}`)],
  ])("to %s is refused, though its hash is right", async (version, make) => {
    const headers = {
      "x-hubspot-signature": await make(),
      "x-hubspot-signature-version": version,
      "x-hubspot-request-timestamp": String(NOW_MS),
    };
    const verdict = await judge("hubspot", webhook({ body, headers }), { secrets: [SECRET] });
    expect(verdict).toEqual(refusal("signature_missing"));
  });

  test("beside a wrong v3 is refused", async () => {
    const headers = { "x-hubspot-signature": await digest(SECRET + body), "x-hubspot-signature-version": "v1" };
    expect(await send([CREATION], { headers, secret: "another" })).toEqual(refusal("signature_mismatch"));
  });

  test("in the v3 header is refused", async () => {
    const headers = { "x-hubspot-signature-v3": await digest(SECRET + body) };
    expect(await send([CREATION], { headers })).toEqual(refusal("signature_malformed"));
  });
});

test("fault 18 fault 45 a signed body that is no batch is an event without an id, and nothing throws", async () => {
  for (const body of ["", "null", "{}", "[]", "[1]", "[[]]", "\ufeff[]"]) {
    const signature = (await hmac("SHA-256", SECRET, `POST${HOOK}${body}${NOW_MS}`)).base64;
    const headers = { "x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": String(NOW_MS) };
    const event = expectEvent(await judge("hubspot", webhook({ body, headers }), { secrets: [SECRET] }));
    expect(event).toMatchObject({ type: null, id: null, idIsSigned: false, tenants: [] });
  }
});
