import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat, hex, utf8 } from "../../../src/crypto/bytes.ts";
import { dataRecipe } from "../../../src/triggers/recipes/data-recipe.ts";
import type { RecipeSpec } from "../../../src/triggers/recipes/spec.ts";
import { DISCORD_KEY, discordHeaders } from "./provider-cases.ts";
import {
  base256,
  contextOf,
  get,
  hex256,
  hmac,
  NOW_MS,
  NOW_S,
  outcome,
  post,
  recipeOf,
  verify,
  verifyInPieces,
} from "./signing.ts";

const SECRET = "It's a Secret to Everybody";
const BODY = "Hello, World!";
const context = contextOf([SECRET]);
const github = recipeOf("github");
const stripe = recipeOf("stripe");

async function githubOutcome(signature: string, body: string | Uint8Array<ArrayBuffer> = BODY): Promise<string> {
  return outcome(await verify(github, post(body, { "x-hub-signature-256": signature }), context));
}

describe("a MAC in a header", () => {
  it("is what GitHub's documentation says that it is", async () => {
    const documented = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    expect(await githubOutcome(documented)).toBe("event");
  });

  it("fault 3 W-02 of another version or algorithm is refused", async () => {
    const digest = await hex256(SECRET, BODY);
    const sha1 = hex(await hmac("SHA-1", SECRET, BODY));
    for (const signature of [digest, `sha1=${digest}`, `sha1=${sha1}`, `sha256=${sha1}`, `SHA256=${digest}`]) {
      expect(await githubOutcome(signature)).toBe("401 signature_malformed");
    }
    const old = post(BODY, { "x-hub-signature": `sha1=${sha1}` });
    expect(outcome(await verify(github, old, context))).toBe("401 signature_missing");
    const slack = post(BODY, {
      "x-slack-request-timestamp": NOW_S,
      "x-slack-signature": `v1=${await hex256(SECRET, `v0:${NOW_S}:${BODY}`)}`,
    });
    expect(outcome(await verify(recipeOf("slack"), slack, context))).toBe("401 signature_malformed");
  });

  it("fault 4 may be written in upper case, which says the same bytes", async () => {
    expect(await githubOutcome(`sha256=${(await hex256(SECRET, BODY)).toUpperCase()}`)).toBe("event");
  });

  it("fault 5 and fault 6: odd, foreign or separated digits are refused", async () => {
    const digest = await hex256(SECRET, BODY);
    const pairs = digest.match(/../g) ?? [];
    for (const text of [
      digest.slice(1),
      `${digest.slice(0, -1)}g`,
      pairs.join("-"),
      pairs.join(" "),
      `0x${digest}`,
      "!!!",
    ]) {
      expect(await githubOutcome(`sha256=${text}`)).toBe("401 signature_malformed");
    }
  });

  it("fault 7 in base64 must be padded, of the usual alphabet, and without white space", async () => {
    const shopify = recipeOf("shopify");
    // A body whose MAC needs what the two alphabets write differently.
    let body = "";
    let digest = "";
    for (let number = 0; !digest.includes("+") || !digest.includes("/"); number++) {
      body = `{"id":${number}}`;
      digest = await base256(SECRET, body);
    }
    const judged = async (text: string) =>
      outcome(await verify(shopify, post(body, { "x-shopify-hmac-sha256": text }), context));
    expect(await judged(digest)).toBe("event");
    const urlSafe = digest.replaceAll("+", "-").replaceAll("/", "_");
    for (const text of [digest.replace("=", ""), urlSafe, `${digest.slice(0, 4)} ${digest.slice(4)}`, `${digest}==`]) {
      expect(await judged(text)).toBe("401 signature_malformed");
    }
  });

  it("fault 10 W-04 of two headers in one is refused where there may only be one", async () => {
    const good = `sha256=${await hex256(SECRET, BODY)}`;
    const headers = new Headers();
    headers.append("x-hub-signature-256", good);
    headers.append("x-hub-signature-256", good);
    const verdict = await verify(github, { ...post(BODY), headers }, context);
    expect(outcome(verdict)).toBe("401 signature_malformed");
  });

  it("fault 11 W-04 among eight is found, and a ninth makes all of them refused", async () => {
    const good = await hex256(SECRET, `${NOW_S}.${BODY}`);
    const judged = async (count: number) => {
      const wrong = Array.from({ length: count - 1 }, (_, index) => `v1=${String(index).padStart(64, "0")}`);
      const signature = [`t=${NOW_S}`, ...wrong, `v1=${good}`].join(",");
      return outcome(await verify(stripe, post(BODY, { "stripe-signature": signature }), context));
    };
    expect(await judged(8)).toBe("event");
    expect(await judged(9)).toBe("401 signature_malformed");
    const many = `t=${NOW_S}${`,v1=${good}`.repeat(100_000)}`;
    expect(outcome(await verify(stripe, post(BODY, { "stripe-signature": many }), context))).toBe(
      "401 signature_malformed",
    );
  });

  it("fault 12 W-04 of more than 4 KiB is refused, whatever it holds", async () => {
    const good = `t=${NOW_S},v1=${await hex256(SECRET, `${NOW_S}.${BODY}`)}`;
    const judged = async (length: number) => {
      const signature = `${good},x=${"y".repeat(length - good.length - 3)}`;
      return outcome(await verify(stripe, post(BODY, { "stripe-signature": signature }), context));
    };
    expect(await judged(4096)).toBe("event");
    expect(await judged(4097)).toBe("401 signature_malformed");
  });

  it("two timestamps beside one signature are refused, since only one of them was signed", async () => {
    const good = `v1=${await hex256(SECRET, `${NOW_S}.${BODY}`)}`;
    const verdict = await verify(stripe, post(BODY, { "stripe-signature": `t=1,t=${NOW_S},${good}` }), context);
    expect(outcome(verdict)).toBe("401 signature_malformed");
  });

  it("fault 13 W-02 under a secret that is nothing but its prefix is misconfigured", async () => {
    const standard = recipeOf("standard-webhooks");
    const headers = { "webhook-id": "msg_1", "webhook-timestamp": NOW_S, "webhook-signature": "v1,AAAA" };
    for (const secret of ["whsec_", "whsec_!!!!", " whsec_AAAA", "whpk_AAAA"]) {
      expect(await verify(standard, post(BODY, headers), contextOf([secret]))).toEqual({ kind: "misconfigured" });
    }
  });

  it("fault 14 W-07 tries three secrets at most", async () => {
    const request = post(BODY, { "x-hub-signature-256": `sha256=${await hex256(SECRET, BODY)}` });
    expect(await verify(github, request, contextOf(["a", "b", SECRET]))).toMatchObject({ secretId: "s2" });
    expect(outcome(await verify(github, request, contextOf(["a", "b", "c", SECRET])))).toBe("401 signature_mismatch");
  });

  it("fault 29 is found whatever case its header's name is in", async () => {
    const digest = `sha256=${await hex256(SECRET, BODY)}`;
    for (const name of ["X-Hub-Signature-256", "x-hub-signature-256", "X-HUB-SIGNATURE-256"]) {
      expect(outcome(await verify(github, post(BODY, { [name]: digest }), context))).toBe("event");
    }
  });
});

describe("the bytes of a body", () => {
  it.each([
    [
      "fault 18 with a byte order mark",
      concat(new Uint8Array([0xef, 0xbb, 0xbf]), utf8('{"action":"opened"}')),
      "push.opened",
    ],
    [
      "fault 19 that are no UTF-8",
      concat(utf8('{"action":"a'), new Uint8Array([0xff, 0xc0, 0x80]), utf8('"}')),
      "push.a\ufffd\ufffd\ufffd",
    ],
    ["fault 20 of which there are none", new Uint8Array(), "push"],
    ["fault 21 that are compressed", new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]), "push"],
    ["of a form", utf8("payload=%7B%22action%22%3A%22opened%22%7D"), "push.opened"],
    ["that end in the middle of JSON", utf8('{"action":"opened"'), "push"],
  ])("W-01 are verified as they came: %s", async (_what, body, type) => {
    const headers = { "x-hub-signature-256": `sha256=${await hex256(SECRET, body)}`, "x-github-event": "push" };
    expect(await verify(github, post(body, headers), context)).toMatchObject({ kind: "event", event: { type } });
    // What a verifier gets that reads the body as text first.
    const throughText = utf8(new TextDecoder().decode(body));
    if (hex(throughText) === hex(body)) return;
    expect(outcome(await verify(github, post(throughText, headers), context))).toBe("401 signature_mismatch");
  });

  it("W-01 fault 16 are another body when their JSON is written another way", async () => {
    const body = '{"b":1,"a":"\\u00e9"}';
    const signature = `sha256=${await hex256(SECRET, body)}`;
    for (const other of [
      '{"a":"\\u00e9","b":1}',
      '{"b":1,"a":"é"}',
      '{ "b": 1, "a": "\\u00e9" }',
      '{"b":1.0,"a":"\\u00e9"}',
    ]) {
      expect(await githubOutcome(signature, other)).toBe("401 signature_mismatch");
    }
  });

  it("fault 45 may nest 10,000 levels or have a million members: they are verified, and say nothing", async () => {
    for (const body of ["[".repeat(10_000) + "]".repeat(10_000), `{${'"a":1,'.repeat(1_000_000)}"b":2}`]) {
      const headers = { "x-hub-signature-256": `sha256=${await hex256(SECRET, body)}`, "x-github-event": "push" };
      const verdict = await verify(github, post(body, headers), context);
      expect(verdict).toMatchObject({ kind: "event", event: { type: "push", tenants: [] } });
    }
  });
});

describe("a timestamp", () => {
  const slack = recipeOf("slack");
  const judged = async (ts: string | null, signedTs = ts ?? "") => {
    const headers: Record<string, string> = {
      "x-slack-signature": `v0=${await hex256(SECRET, `v0:${signedTs}:${BODY}`)}`,
    };
    if (ts !== null) headers["x-slack-request-timestamp"] = ts;
    return outcome(await verify(slack, post(BODY, headers), context));
  };

  it("fault 25 W-03 that is missing is refused", async () => {
    expect(await judged(null)).toBe("401 timestamp_missing");
    expect(await judged("")).toBe("401 timestamp_missing");
  });

  it.each([
    "NaN",
    "Infinity",
    "-1790000000",
    "+1790000000",
    "1790000000.0",
    "179e7",
    "1e9",
    "0x6ab13b80",
    `${NOW_S}abc`,
    "٣",
    "17900000000000",
  ])("fault 25 W-03 of %s is malformed", async (ts) => expect(await judged(ts)).toBe("401 timestamp_malformed"));

  it.each([
    ["fault 25 W-03 in milliseconds for seconds", String(NOW_MS)],
    ["fault 25 W-03 in the far future", "9999999999999"],
    ["fault 25 W-03 of zero", "0"],
    ["fault 25 W-03 301 s old", String(NOW_MS / 1000 - 301)],
    ["fault 25 W-03 301 s ahead", String(NOW_MS / 1000 + 301)],
  ])("%s is out of range", async (_what, ts) => expect(await judged(ts)).toBe("401 timestamp_out_of_range"));

  it.each([-300, -299, 0, 299, 300])("fault 25 W-03 %i s off is accepted", async (offset) => {
    expect(await judged(String(NOW_MS / 1000 + offset))).toBe("event");
  });

  it("fault 26 W-03 that was not the signed one is refused", async () => {
    expect(await judged(NOW_S, "1690000000")).toBe("401 signature_mismatch");
  });

  it.each([
    "2026-09-21T14:13:20",
    "2026-09-21 14:13:20Z",
    "2026-09-21",
    "Mon, 21 Sep 2026 14:13:20 GMT",
    "1790000000",
    "2026-13-41T99:99:99Z",
  ])("fault 25 W-03 of %s is no RFC 3339 time", async (ts) => {
    const headers = {
      "x-zendesk-webhook-signature": await base256(SECRET, ts, BODY),
      "x-zendesk-webhook-signature-timestamp": ts,
    };
    expect(outcome(await verify(recipeOf("zendesk"), post(BODY, headers), context))).toBe("401 timestamp_malformed");
  });

  it("fault 25 W-03 in the body counts once, as the last member of its name, and as a number only", async () => {
    const judgedLinear = async (body: string) =>
      outcome(
        await verify(recipeOf("linear"), post(body, { "linear-signature": await hex256(SECRET, body) }), context),
      );
    expect(await judgedLinear(`{"webhookTimestamp":${NOW_MS}}`)).toBe("event");
    expect(await judgedLinear(`{"webhookTimestamp":${NOW_MS},"webhookTimestamp":1}`)).toBe(
      "401 timestamp_out_of_range",
    );
    expect(await judgedLinear("{}")).toBe("401 timestamp_missing");
    expect(await judgedLinear('{"webhookTimestamp":-1}')).toBe("401 timestamp_malformed");
    expect(await judgedLinear(`{"webhookTimestamp":[${NOW_MS}]}`)).toBe("401 timestamp_missing");
  });
});

describe("the id of a Standard Webhook", () => {
  const key = utf8("0123456789abcdef01234567");
  const standard = recipeOf("standard-webhooks");
  const judged = async (id: string, signedText = `${id}.${NOW_S}.${BODY}`) => {
    const headers = {
      "webhook-id": id,
      "webhook-timestamp": NOW_S,
      "webhook-signature": `v1,${await base256(key, signedText)}`,
    };
    return outcome(await verify(standard, post(BODY, headers), contextOf([`whsec_${key.toBase64()}`])));
  };

  it("fault 27 W-04 with a dot is refused: it could hold a timestamp", async () => {
    expect(await judged("msg_1")).toBe("event");
    expect(await judged(`a.${NOW_S}`)).toBe("401 id_malformed");
  });

  it("fault 27 W-04 that is missing, spaced or endless is refused", async () => {
    for (const id of ["", "a b", "é", "x".repeat(10_000)]) expect(await judged(id)).toBe("401 id_malformed");
  });

  it("may be signed by a public key of the connector, and by no other", async () => {
    const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]);
    if (!("publicKey" in pair)) throw new Error("no key pair");
    const raw = await crypto.subtle.exportKey("raw", pair.publicKey);
    if (!(raw instanceof ArrayBuffer)) throw new Error("no raw key");
    const signature = await crypto.subtle.sign({ name: "Ed25519" }, pair.privateKey, utf8(`msg_1.${NOW_S}.${BODY}`));
    const headers = {
      "webhook-id": "msg_1",
      "webhook-timestamp": NOW_S,
      "webhook-signature": `v1,${"A".repeat(43)}= v1a,${new Uint8Array(signature).toBase64()}`,
    };
    const request = post(BODY, headers);
    const publicKey = `whpk_${new Uint8Array(raw).toBase64()}`;
    expect(outcome(await verify(standard, request, contextOf([publicKey])))).toBe("event");
    expect(await verifyInPieces(standard, request, contextOf([publicKey]), 4)).toBeNull();
    // The public key is public: as a MAC's key it must prove nothing.
    const mac = await base256(new Uint8Array(raw), `msg_1.${NOW_S}.${BODY}`);
    for (const version of ["v1", "v1a"]) {
      const forged = post(BODY, { ...headers, "webhook-signature": `${version},${mac}` });
      expect((await verify(standard, forged, contextOf([publicKey]))).kind).toBe("refused");
    }
  });
});

describe("an Ed25519 signature", () => {
  const discord = recipeOf("discord");
  const body = '{"type":1,"version":1,"event":{"type":"ENTITLEMENT_CREATE"}}';

  it("fault 28 of 63 or 65 bytes is refused, and nothing is thrown", async () => {
    const good = await discordHeaders(body, NOW_MS);
    const signature = good["x-signature-ed25519"] ?? "";
    for (const text of [signature.slice(2), `${signature}00`, "zz", signature.replace(/^../, "zz")]) {
      const request = post(body, { ...good, "x-signature-ed25519": text });
      expect(outcome(await verify(discord, request, contextOf([DISCORD_KEY])))).toBe("401 signature_malformed");
    }
  });

  it("fault 39 that is wrong is answered 401, which Discord probes for", async () => {
    const request = post(body, { ...(await discordHeaders(body, NOW_MS)), "x-signature-ed25519": "ab".repeat(64) });
    expect(outcome(await verify(discord, request, contextOf([DISCORD_KEY])))).toBe("401 signature_mismatch");
  });

  it.each([
    ["zero", "00".repeat(32)],
    ["one", `01${"00".repeat(31)}`],
    ["minus one", `ec${"ff".repeat(30)}7f`],
    ["the prime", `ed${"ff".repeat(31)}`],
    ["of order eight", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"],
    ["of order eight, too", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"],
    ["no hex", "not a key"],
    ["short", "ab".repeat(31)],
  ])("fault 28 under a key that is %s is misconfigured, never open", async (_what, key) => {
    const zeros = post(body, { "x-signature-ed25519": "00".repeat(64), "x-signature-timestamp": NOW_S });
    expect(await verify(discord, zeros, contextOf([key]))).toEqual({ kind: "misconfigured" });
  });
});

describe("an ECDSA signature", () => {
  const spec: RecipeSpec = {
    signature: { header: "x-signature", algorithm: "ecdsa-p256", encoding: "base64" },
    signed: "{body}",
    secret: { encoding: "base64" },
    event: { type: [], id: [], tenant: [] },
    replies: [],
  };
  const recipe = dataRecipe(spec);

  async function pair() {
    const made = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
    if (!("publicKey" in made)) throw new Error("no key pair");
    const spki = await crypto.subtle.exportKey("spki", made.publicKey);
    if (!(spki instanceof ArrayBuffer)) throw new Error("no key");
    const sign = async (body: string) =>
      new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, made.privateKey, utf8(body)));
    return { secret: new Uint8Array(spki).toBase64(), sign };
  }

  /** RFC 3279 §2.2.3. */
  function der(raw: Uint8Array): Uint8Array<ArrayBuffer> {
    const integer = (half: Uint8Array) => {
      const digits = half.subarray(
        Math.max(
          0,
          half.findIndex((byte) => byte !== 0),
        ),
      );
      const positive = (digits[0] ?? 0) > 0x7f ? concat(new Uint8Array(1), digits) : digits;
      return concat(new Uint8Array([2, positive.length]), positive);
    };
    const inner = concat(integer(raw.subarray(0, 32)), integer(raw.subarray(32)));
    return concat(new Uint8Array([0x30, inner.length]), inner);
  }

  it("is verified in either of its forms, and another is refused", async () => {
    const { secret, sign } = await pair();
    const other = await pair();
    const judged = async (bytes: Uint8Array) =>
      outcome(await verify(recipe, post(BODY, { "x-signature": bytes.toBase64() }), contextOf([secret])));
    for (let round = 0; round < 20; round++) {
      const raw = await sign(BODY);
      expect(await judged(der(raw))).toBe("event");
      if (raw[0] !== 0x30) expect(await judged(raw)).toBe("event");
    }
    const raw = await other.sign(BODY);
    expect(await judged(der(raw))).toBe("401 signature_mismatch");
    for (const broken of [
      concat(der(raw), new Uint8Array(1)),
      der(raw).slice(0, -1),
      new Uint8Array([0x30]),
      new Uint8Array([0x30, 0]),
    ]) {
      expect(await judged(broken)).toBe("401 signature_malformed");
    }
    expect(await verify(recipe, post(BODY, { "x-signature": raw.toBase64() }), contextOf(["AAAA"]))).toEqual({
      kind: "misconfigured",
    });
  });
});

describe("whatever comes", () => {
  it("is judged, never thrown over", async () => {
    const names = ["github", "stripe", "slack", "discord", "standard-webhooks", "figma", "zendesk", "telegram", "box"];
    const header = fc.stringMatching(/^[\x21-\x7e]{0,80}$/);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...names),
        header,
        header,
        fc.uint8Array({ maxLength: 60 }),
        async (name, a, b, bytes) => {
          const recipe = recipeOf(name);
          const spec = recipe.kind === "data" ? recipe.spec : null;
          const headers = new Headers([...recipe.forwardedHeaders, ...recipe.strippedHeaders].map((key) => [key, b]));
          for (const key of [spec?.signature.header ?? []].flat()) headers.set(key, a);
          const request = { ...post(new Uint8Array(bytes)), headers };
          const secret = name === "discord" ? DISCORD_KEY : "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
          expect((await verify(recipe, request, contextOf([secret]))).kind).toBe("refused");
        },
      ),
      { numRuns: 300 },
    );
    expect((await verify(github, get("?x=1"), context)).kind).toBe("refused");
  });
});
