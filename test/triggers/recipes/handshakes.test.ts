import { describe, expect, it } from "vitest";
import { utf8 } from "../../../src/crypto/bytes.ts";
import type { WebhookRequest } from "../../../src/triggers/recipes/recipe.ts";
import { DISCORD_KEY, discordHeaders } from "./provider-cases.ts";
import {
  base256,
  contextOf,
  get,
  hex256,
  NOW_MS,
  NOW_S,
  outcome,
  post,
  recipeOf,
  verify,
  verifyInPieces,
} from "./signing.ts";

const SECRET = "8f742231b10e8888abcd99yyyzzz85a5";
const context = contextOf([SECRET]);
const NOSNIFF = { "x-content-type-options": "nosniff" };
const SCRIPT = "<script>alert(1)</script>";

async function slack(body: string, contentType = "application/json"): Promise<WebhookRequest> {
  return post(body, {
    "content-type": contentType,
    "x-slack-request-timestamp": NOW_S,
    "x-slack-signature": `v0=${await hex256(SECRET, `v0:${NOW_S}:${body}`)}`,
  });
}

const slackBody = (challenge: string) => JSON.stringify({ type: "url_verification", challenge });

describe("Slack", () => {
  const recipe = recipeOf("slack");

  it("W-05 has its signed challenge echoed as text, and nothing forwarded", async () => {
    expect(await verify(recipe, await slack(slackBody("3eZbrw1aB-m2rZ_gM")), context)).toEqual({
      kind: "handshake",
      answer: { status: 200, contentType: "text/plain; charset=utf-8", body: "3eZbrw1aB-m2rZ_gM", headers: NOSNIFF },
    });
  });

  it("fault 34 W-05 gets no answer to an unsigned challenge, not even while nothing has been verified", async () => {
    const unsigned = post(slackBody("x"));
    expect(outcome(await verify(recipe, unsigned, context))).toBe("401 signature_missing");
    expect(outcome(await verify(recipe, unsigned, contextOf([SECRET], { pendingVerification: true })))).toBe(
      "401 signature_missing",
    );
    expect(outcome(await verify(recipe, unsigned, contextOf([], { pendingVerification: true })))).toBe("misconfigured");
  });

  it.each([SCRIPT, "", "a b", "a\nb", "é", "x".repeat(257)])(
    "fault 34 W-05 gets 400 for the challenge %j",
    async (text) => {
      expect(outcome(await verify(recipe, await slack(slackBody(text)), context))).toBe("400 handshake_refused");
    },
  );

  it("is told that its certificate is fine, when it asks", async () => {
    const request = await slack("token=x&ssl_check=1", "application/x-www-form-urlencoded");
    expect(await verify(recipe, request, context)).toMatchObject({
      kind: "handshake",
      answer: { status: 200, body: "" },
    });
  });

  it("fault 30 sends commands and interactions as forms, whose payload need not be JSON", async () => {
    const form = "application/x-www-form-urlencoded; charset=utf-8";
    const read = async (fields: Record<string, string>) => {
      const verdict = await verify(recipe, await slack(new URLSearchParams(fields).toString(), form), context);
      return verdict.kind === "event" ? verdict.event : verdict;
    };
    expect(await read({ command: "/deploy", team_id: "T1", trigger_id: "13.7" })).toMatchObject({
      type: "/deploy",
      id: "13.7",
      idIsSigned: true,
      tenants: ["T1"],
    });
    const payload = JSON.stringify({ type: "block_actions", team: { id: "T2" }, trigger_id: "14.7" });
    expect(await read({ payload })).toMatchObject({ type: "block_actions", id: "14.7", tenants: ["T2"] });
    for (const broken of ["{not json", "", "[]", '"x"']) {
      expect(await read({ payload: broken })).toMatchObject({ type: null, id: null, tenants: [] });
    }
  });
});

describe("a content type, which nobody signs,", () => {
  it("W-03 does not decide where an id is: the same bytes are the same event", async () => {
    const slackRecipe = recipeOf("slack");
    const json = '{"type":"event_callback","event_id":"Ev1","event":{"type":"message"}}';
    const form = new URLSearchParams({ command: "/deploy", trigger_id: "13.7" }).toString();
    for (const [body, id] of [
      [json, "Ev1"],
      [form, "13.7"],
    ] as const) {
      for (const type of ["application/json", "application/x-www-form-urlencoded", "text/plain", ""]) {
        expect(await verify(slackRecipe, await slack(body, type), context)).toMatchObject({ event: { id } });
      }
    }
  });

  it("W-03 of JSON makes a long form no event without an id", async () => {
    const verdict = await verifyInPieces(recipeOf("slack"), await slack("command=x&trigger_id=1"), context, 5);
    expect(verdict && outcome(verdict)).toBe("401 not_a_webhook");
  });
});

describe("Zoom", () => {
  const recipe = recipeOf("zoom");
  const validation = (plainToken: string) =>
    JSON.stringify({ payload: { plainToken }, event_ts: 1, event: "endpoint.url_validation" });
  const signed = async (body: string) =>
    post(body, {
      "x-zm-request-timestamp": NOW_S,
      "x-zm-signature": `v0=${await hex256(SECRET, `v0:${NOW_S}:${body}`)}`,
    });

  it("W-05 gets the MAC of its signed challenge, again and again", async () => {
    const verdict = await verify(recipe, await signed(validation("qgg8vlvZRS6UYooatFL8Aw")), context);
    if (verdict.kind !== "handshake") throw new Error(outcome(verdict));
    expect(verdict.answer).toMatchObject({ status: 200, contentType: "application/json" });
    expect(JSON.parse(verdict.answer.body)).toEqual({
      plainToken: "qgg8vlvZRS6UYooatFL8Aw",
      encryptedToken: await hex256(SECRET, "qgg8vlvZRS6UYooatFL8Aw"),
    });
  });

  it("fault 34 W-05 gets no MAC without a signature, nor of what could be a signed event", async () => {
    expect(outcome(await verify(recipe, post(validation("abc")), context))).toBe("401 signature_missing");
    for (const token of [`v0:${NOW_S}:{}`, SCRIPT, '","x":"', ""]) {
      expect(outcome(await verify(recipe, await signed(validation(token)), context))).toBe("400 handshake_refused");
    }
  });
});

describe("X", () => {
  const recipe = recipeOf("x");

  it("W-05 gets the MAC of a challenge, under the current secret", async () => {
    const token = "YmYyMDgzNDctZGRkYi00YzI0+/=";
    const verdict = await verify(recipe, get(`?crc_token=${encodeURIComponent(token)}`), contextOf([SECRET, "old"]));
    if (verdict.kind !== "handshake") throw new Error(outcome(verdict));
    expect(JSON.parse(verdict.answer.body)).toEqual({ response_token: `sha256=${await base256(SECRET, token)}` });
  });

  it("fault 34 W-05 has no event signed for whoever asks for its MAC as a challenge", async () => {
    for (const body of ['{"for_user_id":"1"}', "[]", "a b", SCRIPT, "x".repeat(257)]) {
      const verdict = await verify(recipe, get(`?crc_token=${encodeURIComponent(body)}`), context);
      expect(outcome(verdict)).toBe("400 handshake_refused");
    }
    // A word can be had signed, and therefore is no event.
    for (const word of ["12345", "true", "null"]) {
      const forged = post(word, { "x-twitter-webhooks-signature": `sha256=${await base256(SECRET, word)}` });
      expect(outcome(await verify(recipe, forged, context))).toBe("401 not_a_webhook");
    }
  });

  it("is misconfigured without a secret", async () => {
    expect(await verify(recipe, get("?crc_token=abc"), contextOf([]))).toEqual({ kind: "misconfigured" });
  });
});

describe("Dropbox", () => {
  const recipe = recipeOf("dropbox");

  it("W-05 has its challenge echoed as text that no browser takes for a page", async () => {
    expect(await verify(recipe, get("?challenge=abc-DEF_123"), context)).toEqual({
      kind: "handshake",
      answer: { status: 200, contentType: "text/plain; charset=utf-8", body: "abc-DEF_123", headers: NOSNIFF },
    });
  });

  it.each([encodeURIComponent(SCRIPT), "a%20b", "a%0d%0ab", "x".repeat(257)])(
    "fault 34 W-05 gets 400 for the challenge %s",
    async (text) => {
      expect(outcome(await verify(recipe, get(`?challenge=${text}`), context))).toBe("400 handshake_refused");
    },
  );

  it("is no webhook when it asks for nothing", async () => {
    expect(outcome(await verify(recipe, get(""), context))).toBe("400 not_a_webhook");
    expect(outcome(await verify(recipeOf("github"), get("?challenge=abc"), context))).toBe("400 not_a_webhook");
  });

  it("sends the same body for every change: none is taken for a repeat", async () => {
    const request = post("{}", { "x-dropbox-signature": await hex256(SECRET, "{}") });
    expect(await verify(recipe, request, context)).toMatchObject({ event: { id: null, alwaysNew: true } });
  });
});

describe("Meta", () => {
  const recipe = recipeOf("meta");
  const configured = contextOf([SECRET], { settings: { verifyToken: "our-token" } });
  const query = (token: string, challenge = "1158201444", mode = "subscribe") =>
    get(
      `?hub.mode=${mode}&hub.verify_token=${encodeURIComponent(token)}&hub.challenge=${encodeURIComponent(challenge)}`,
    );

  it("W-05 has its challenge echoed when it knows our token", async () => {
    expect(await verify(recipe, query("our-token"), configured)).toMatchObject({
      kind: "handshake",
      answer: { body: "1158201444" },
    });
  });

  it("fault 34 W-05 has nothing echoed with another token, or while there is none", async () => {
    for (const token of ["other", "", "our-token2", "our-toke"]) {
      expect(outcome(await verify(recipe, query(token), configured))).toBe("401 handshake_refused");
    }
    for (const token of ["", "undefined", "our-token"]) {
      expect(outcome(await verify(recipe, query(token), context))).toBe("401 handshake_refused");
    }
    const inherited = contextOf([SECRET], { settings: JSON.parse('{"__proto__":{"verifyToken":"x"}}') });
    expect(outcome(await verify(recipe, query("x"), inherited))).toBe("401 handshake_refused");
  });

  it("fault 34 W-05 has no markup echoed, and no other mode answered", async () => {
    expect(outcome(await verify(recipe, query("our-token", SCRIPT), configured))).toBe("400 handshake_refused");
    expect(outcome(await verify(recipe, query("our-token", "1", "unsubscribe"), configured))).toBe("400 not_a_webhook");
  });
});

describe("Discord", () => {
  const recipe = recipeOf("discord");
  const judged = async (body: string) =>
    verify(recipe, post(body, await discordHeaders(body, NOW_MS)), contextOf([DISCORD_KEY]));

  it("has its pings answered: 1 to an interaction's, 204 to an event's", async () => {
    expect(await judged('{"id":"1","type":1}')).toMatchObject({
      kind: "handshake",
      answer: { status: 200, contentType: "application/json", body: '{"type":1}' },
    });
    expect(await judged('{"version":1,"application_id":"1","type":0}')).toMatchObject({
      kind: "handshake",
      answer: { status: 204, contentType: "application/json", body: "" },
    });
  });

  it.each([
    ["a command", 2, { type: 5 }],
    ["a button", 3, { type: 6 }],
    ["a completion", 4, { type: 8, data: { choices: [] } }],
    ["a form", 5, { type: 5 }],
  ])("has %s both put off and forwarded", async (_what, type, answer) => {
    const verdict = await judged(`{"id":"77","type":${type},"guild_id":"9"}`);
    expect(verdict).toMatchObject({ kind: "event", event: { type: String(type), id: "77", tenants: ["9"] } });
    expect(JSON.parse((verdict.kind === "event" && verdict.answer?.body) || "")).toEqual(answer);
  });

  it("has its events forwarded, and no answer of their own", async () => {
    const verdict = await judged('{"version":1,"application_id":"1","type":1,"event":{"type":"ENTITLEMENT_CREATE"}}');
    expect(verdict).toMatchObject({ kind: "event", event: { type: "ENTITLEMENT_CREATE", tenants: ["1"] } });
    expect(verdict).not.toHaveProperty("answer");
    expect(recipe.acknowledgement.status).toBe(204);
  });
});

describe("greetings", () => {
  it.each([
    ["github", '{"zen":"x"}', { "x-github-event": "ping" }, "x-hub-signature-256", "sha256="],
    ["bitbucket", "{}", { "x-event-key": "diagnostics:ping" }, "x-hub-signature", "sha256="],
    ["pagerduty", '{"event":{"event_type":"pagey.ping"}}', {}, "x-pagerduty-signature", "v1="],
  ])("of %s are answered when they are signed, and not forwarded", async (name, body, headers, header, prefix) => {
    const signed = post(body, { ...headers, [header]: `${prefix}${await hex256(SECRET, body)}` });
    expect(await verify(recipeOf(name), signed, context)).toMatchObject({ kind: "handshake", answer: { status: 200 } });
    expect(outcome(await verify(recipeOf(name), post(body, headers), context))).toBe("401 signature_missing");
  });

  it("of Figma, whose passcode is in the body, are answered 400 when it is wrong", async () => {
    const figma = recipeOf("figma");
    const ping = (passcode: unknown) => post(JSON.stringify({ event_type: "PING", passcode }));
    expect(await verify(figma, ping(SECRET), context)).toMatchObject({ kind: "handshake" });
    expect(outcome(await verify(figma, ping("wrong"), context))).toBe("400 signature_mismatch");
    for (const passcode of [null, true, [SECRET], { toString: SECRET }]) {
      expect(outcome(await verify(figma, ping(passcode), context))).toBe("400 signature_missing");
    }
    const twice = post(`{"passcode":"${SECRET}","passcode":"wrong"}`);
    expect(outcome(await verify(figma, twice, context))).toBe("400 signature_mismatch");
    expect(figma.strips).toEqual(["/passcode"]);
  });

  it("of Xero and of Google's channels have no events, and make none", async () => {
    const body = '{"events":[],"firstEventSequence":0,"lastEventSequence":0}';
    const xero = recipeOf("xero");
    const intent = post(body, { "x-xero-signature": await base256(SECRET, body) });
    expect(await verify(xero, intent, context)).toMatchObject({ kind: "handshake" });
    const forged = post(body, { "x-xero-signature": await base256("other", body) });
    expect(outcome(await verify(xero, forged, context))).toBe("401 signature_mismatch");
    const sync = post("", { "x-goog-channel-token": SECRET, "x-goog-resource-state": "sync" });
    expect(await verify(recipeOf("google-watch"), sync, context)).toMatchObject({ kind: "handshake" });
  });
});

describe("bypasses that others had", () => {
  it.each(["github", "sentry", "linear", "notion", "airtable", "slack"])(
    "%s is not let through for want of a signature",
    async (name) => {
      const body = '{"verification_token":"x","challenge":"x","webhookTimestamp":1}';
      expect(outcome(await verify(recipeOf(name), post(body), context))).toBe("401 signature_missing");
    },
  );

  it("Xero's signature is compared with its slashes", async () => {
    const xero = recipeOf("xero");
    for (let number = 0; ; number++) {
      const body = `{"events":[{"eventType":"${number}"}]}`;
      const digest = await base256(SECRET, body);
      if (!digest.includes("/")) continue;
      const judged = async (text: string) =>
        outcome(await verify(xero, post(body, { "x-xero-signature": text }), context));
      expect(await judged(digest)).toBe("event");
      expect(await judged(digest.replaceAll("/", ""))).toBe("401 signature_malformed");
      expect(await judged(digest.replaceAll("/", "A"))).toBe("401 signature_mismatch");
      break;
    }
  });

  it("Linear's signature of another length is refused, and nothing is thrown", async () => {
    for (const signature of ["", "00", "0".repeat(63), "0".repeat(65), "0".repeat(128)]) {
      const verdict = await verify(recipeOf("linear"), post("{}", { "linear-signature": signature }), context);
      expect(verdict).toMatchObject({ kind: "refused", status: 401 });
    }
  });

  it("Sentry's signature is over the bytes, not over JSON that is written anew", async () => {
    const body = '{"action": "created",\n "b": 1}';
    const rewritten = await hex256(SECRET, JSON.stringify(JSON.parse(body)));
    const sentry = recipeOf("sentry");
    const judged = async (signature: string) =>
      outcome(await verify(sentry, post(body, { "sentry-hook-signature": signature }), context));
    expect(await judged(rewritten)).toBe("401 signature_mismatch");
    expect(await judged(await hex256(SECRET, body))).toBe("event");
  });

  it("fault 41 a tenant that is not signed belongs to the connector whose secret fits, and to no other", async () => {
    const shopify = recipeOf("shopify");
    const headers = {
      "x-shopify-hmac-sha256": await base256(SECRET, "{}"),
      "x-shopify-shop-domain": "victim.myshopify.com",
    };
    expect(await verify(shopify, post("{}", headers), context)).toMatchObject({ secretId: "s0" });
    expect(outcome(await verify(shopify, post("{}", headers), contextOf(["victim's secret"])))).toBe(
      "401 signature_mismatch",
    );
  });
});

describe("tenants", () => {
  const tenants = async (name: string, body: string, header: string, signature: string) => {
    const verdict = await verify(recipeOf(name), post(body, { [header]: signature }), context);
    return verdict.kind === "event" ? verdict.event.tenants : outcome(verdict);
  };
  const dropbox = async (accounts: unknown) => {
    const body = JSON.stringify({ list_folder: { accounts } });
    return tenants("dropbox", body, "x-dropbox-signature", await hex256(SECRET, body));
  };

  it("fault 43 are texts, whichever they were", async () => {
    expect(await dropbox(["7", 7, 8])).toEqual(["7", "8"]);
    expect(await dropbox([null, true, {}, [], "", "x"])).toEqual(["x"]);
  });

  it("fault 42 may have any name", async () => {
    expect(await dropbox(["__proto__", "constructor", "toString"])).toEqual(["__proto__", "constructor", "toString"]);
  });

  it("fault 44 are never fewer than there are: those that were not kept stand for others", async () => {
    const many = await dropbox(Array.from({ length: 1200 }, (_, index) => `dbid:${index}`));
    expect(many).toHaveLength(1001);
    expect(many).toContain("(unread)");
    expect(await dropbox(["x".repeat(5000), "y"])).toEqual(["(unread)", "y"]);
  });
});

it("reads a body without a content type as JSON, since providers forget it", async () => {
  const body = '{"type":"x","id":"1"}';
  const headers = new Headers({ "circleci-signature": `v1=${await hex256(SECRET, body)}` });
  const request = { ...post(utf8(body)), headers };
  expect(await verify(recipeOf("circleci"), request, context)).toMatchObject({ event: { type: "x", id: "1" } });
});
