import { describe, expect, test } from "vitest";
import { expectEvent, hmac, judge, outside, refusal, webhook } from "./support.ts";

const HOOK_SECRET = "b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81";
const TOKEN = "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl";
const EVENTS = JSON.stringify({ events: [{ action: "changed", resource: { gid: "7", resource_type: "task" } }] });

const asanaHandshake = (secret: string, headers: Record<string, string> = {}) =>
  webhook({ body: "{}", headers: { "x-hook-secret": secret, ...headers } });
const notionHandshake = (token: unknown, more: object = {}) =>
  webhook({ body: { verification_token: token, ...more } });
const notionSigned = async (body: string, secret = TOKEN) =>
  webhook({ body, headers: { "x-notion-signature": `sha256=${(await hmac("SHA-256", secret, body)).hex}` } });

describe("Asana's handshake", () => {
  test("is answered with the secret that it brought, which is learned", async () => {
    const verdict = await judge("asana", asanaHandshake(HOOK_SECRET), { pendingVerification: true });
    if (verdict.kind !== "handshake") throw new Error(verdict.kind);
    expect(verdict.answer).toEqual({
      status: 200,
      contentType: null,
      body: "",
      headers: { "x-hook-secret": HOOK_SECRET },
    });
    expect(verdict.learned?.expose()).toBe(HOOK_SECRET);
    expect(JSON.stringify(verdict.learned)).toBe('"[secret]"');
  });

  test("is answered again for the same secret while nothing has been verified, and nothing is learned anew", async () => {
    const given = { pendingVerification: true, secrets: [HOOK_SECRET] };
    const verdict = await judge("asana", asanaHandshake(HOOK_SECRET), given);
    expect(verdict).toMatchObject({ kind: "handshake", answer: { headers: { "x-hook-secret": HOOK_SECRET } } });
    expect(verdict).not.toHaveProperty("learned");
  });

  test.each([
    ["while it is pending and one is known", { pendingVerification: true, secrets: [HOOK_SECRET] }],
    ["after activation", { pendingVerification: false, secrets: [HOOK_SECRET] }],
    ["after activation, though its secrets have been taken away", { pendingVerification: false }],
  ])("fault 35 with a second secret is refused %s", async (_, given) => {
    const verdict = await judge("asana", asanaHandshake("0123456789abcdef-of-the-attacker"), given);
    expect(verdict).toEqual(refusal("handshake_refused"));
  });

  test("fault 35 is refused after activation with the known secret, too, and beside a good signature", async () => {
    const given = { secrets: [HOOK_SECRET] };
    expect(await judge("asana", asanaHandshake(HOOK_SECRET), given)).toEqual(refusal("handshake_refused"));
    const signature = (await hmac("SHA-256", HOOK_SECRET, "{}")).hex;
    const both = asanaHandshake("0123456789abcdef", { "x-hook-signature": signature });
    expect(await judge("asana", both, given)).toEqual(refusal("handshake_refused"));
  });

  test.each(["", "short", "x".repeat(257), "two, of them 0123456789", "<script>alert(1)</script>"])(
    "W-05 that would have %.30s echoed is refused",
    async (secret) => {
      const verdict = await judge("asana", asanaHandshake(secret), { pendingVerification: true });
      expect(verdict).toEqual(refusal("handshake_refused"));
    },
  );
});

describe("Asana's events", () => {
  const send = async (body: string, secret = HOOK_SECRET) =>
    judge("asana", webhook({ body, headers: { "x-hook-signature": (await hmac("SHA-256", secret, body)).hex } }), {
      secrets: [HOOK_SECRET],
    });

  test("pass, and are known by their body alone", async () => {
    expect(expectEvent(await send(EVENTS))).toMatchObject({ id: null, idIsSigned: false, tenants: [] });
  });

  test("of a heartbeat are answered and not forwarded, if signed", async () => {
    for (const body of ['{"events":[]}', ' { "events" : [ ] } \n']) {
      expect(await send(body)).toMatchObject({ kind: "handshake", answer: { status: 200, body: "" } });
      expect(await send(body, "another")).toEqual(refusal("signature_mismatch"));
    }
    expectEvent(await send('{"events":[],"x":1}'));
  });

  test("fault 1 fault 15 are refused without a signature or with another connector's secret", async () => {
    expect(await judge("asana", webhook({ body: EVENTS }), { secrets: [HOOK_SECRET] })).toEqual(
      refusal("signature_missing"),
    );
    expect(await send(EVENTS, "of-another-connector")).toEqual(refusal("signature_mismatch"));
  });

  test("fault 13 are our fault while no secret is known, whether pending or not", async () => {
    for (const pendingVerification of [true, false]) {
      const request = webhook({ body: EVENTS, headers: { "x-hook-signature": "00".repeat(32) } });
      expect(await judge("asana", request, { pendingVerification })).toEqual({ kind: "misconfigured" });
    }
  });
});

describe("Notion's verification", () => {
  test("gives us its token while nothing has been verified, and is no event", async () => {
    const verdict = await judge("notion", notionHandshake(TOKEN), { pendingVerification: true });
    if (verdict.kind !== "handshake") throw new Error(verdict.kind);
    expect(verdict.answer).toEqual({ status: 200, contentType: null, body: "" });
    expect(verdict.learned?.expose()).toBe(TOKEN);
  });

  test("fault 33 is refused with another token once one is known, and with any after activation", async () => {
    const other = notionHandshake("secret_of_the_attacker_0123456789");
    expect(await judge("notion", other, { pendingVerification: true, secrets: [TOKEN] })).toEqual(
      refusal("handshake_refused"),
    );
    for (const request of [other, notionHandshake(TOKEN)]) {
      expect(await judge("notion", request, { secrets: [TOKEN] })).toEqual(refusal("signature_missing"));
    }
  });

  test("fault 33 a token smuggled into an event does not get it past the signature", async () => {
    const smuggled = notionHandshake(TOKEN, { type: "page.created", id: "1" });
    for (const given of [{ secrets: [TOKEN] }, { secrets: [TOKEN], pendingVerification: true }]) {
      expect(await judge("notion", smuggled, given)).toEqual(refusal("signature_missing"));
    }
    expect(await judge("notion", smuggled, { pendingVerification: true })).toEqual({ kind: "misconfigured" });
  });

  test("fault 33 a signed event that holds a token is an event like any other", async () => {
    const body = JSON.stringify({ verification_token: TOKEN, type: "page.created", id: "1", workspace_id: "w" });
    expect(expectEvent(await judge("notion", await notionSigned(body), { secrets: [TOKEN] }))).toEqual({
      type: "page.created",
      tenants: ["w"],
      id: "1",
      idIsSigned: true,
      sentAtMs: null,
    });
  });

  test.each(["", "short", "has spaces and more of them"])("W-05 of %j is refused", async (token) => {
    const verdict = await judge("notion", notionHandshake(token), { pendingVerification: true });
    expect(verdict).toEqual(refusal("handshake_refused"));
  });

  test.each([7, null, ["x"]])("W-05 of %j, which is no text, is an event that nobody has signed", async (token) => {
    const verdict = await judge("notion", notionHandshake(token), { pendingVerification: true, secrets: [TOKEN] });
    expect(verdict).toEqual(refusal("signature_missing"));
  });

  test("fault 45 in any shape does not throw", async () => {
    for (const body of [
      "",
      "null",
      "[]",
      '"verification_token"',
      '{"__proto__":{"verification_token":"x"}}',
      "[".repeat(20_000),
    ]) {
      const verdict = await judge("notion", webhook({ body }), { pendingVerification: true, secrets: [TOKEN] });
      expect(verdict).toEqual(refusal("signature_missing"));
    }
  });
});

describe("Notion's events", () => {
  test("pass under their token's signature and under no other", async () => {
    const body = JSON.stringify({ id: "e1", type: "page.content_updated", workspace_id: "w1" });
    expectEvent(await judge("notion", await notionSigned(body), { secrets: [TOKEN] }));
    expect(await judge("notion", await notionSigned(body, "another"), { secrets: [TOKEN] })).toEqual(
      refusal("signature_mismatch"),
    );
    expect(outside({}).urls).toEqual([]);
  });
});
