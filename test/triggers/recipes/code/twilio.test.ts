import fc from "fast-check";
import twilio from "twilio/lib/webhooks/webhooks.js";
import { describe, expect, test } from "vitest";
import { context, expectEvent, HOOK, hmac, judge, refusal, webhook } from "./support.ts";

const TOKEN = "12345";
const PARAMS = { CallSid: "CA1", Caller: "+14158675310", Digits: "1234", From: "+14158675310", AccountSid: "AC1" };
const FORM = { "content-type": "application/x-www-form-urlencoded; charset=UTF-8" };

/** As the vendor's page says: the URL, then every name with its values, sorted and each once. */
async function signatureOf(url: string, params: Record<string, string[]> = {}, token = TOKEN): Promise<string> {
  const names = Object.keys(params).sort();
  const fields = names.flatMap((name) => [...new Set(params[name])].sort().map((value) => name + value));
  return (await hmac("SHA-1", token, url + fields.join(""))).base64;
}

function listsOf(params: Record<string, string>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, [value]]));
}

function send(
  given: { url?: string; body?: string; signature: string; type?: string; method?: string; id?: string },
  settings: Record<string, string> = {},
  secrets = [TOKEN],
) {
  const headers = {
    "x-twilio-signature": given.signature,
    ...(given.type === undefined ? FORM : { "content-type": given.type }),
    ...(given.id !== undefined && { "i-twilio-idempotency-token": given.id }),
  };
  const request = webhook({ url: given.url ?? HOOK, body: given.body ?? "", method: given.method ?? "POST", headers });
  return judge("twilio", request, { secrets, settings });
}

describe("fault 31 a request of Twilio passes", () => {
  test("the vendor's own example", async () => {
    const verdict = await send({
      url: "https://mycompany.com/myapp.php?foo=1&bar=2",
      body: "CallSid=CA1234567890ABCDE&Caller=%2B14158675310&Digits=1234&From=%2B14158675310&To=%2B18005551212",
      signature: "GvWf1cFY/Q7PnoempGyD5oXAezc=",
    });
    expectEvent(verdict);
  });

  test("with a form, and is known by the token that Twilio repeats", async () => {
    const params = { ...PARAMS, CallStatus: "ringing" };
    const verdict = await send({
      body: String(new URLSearchParams(params)),
      signature: await signatureOf(HOOK, listsOf(params)),
      id: "b6f7-1",
    });
    expect(verdict).toEqual({
      kind: "event",
      event: { type: "ringing", tenants: ["AC1"], id: "b6f7-1", idIsSigned: false, sentAtMs: null },
      secretId: "sec_0",
    });
  });

  test("with as many fields as a megabyte holds, for which a stranger, too, has no more than their length to pay", async () => {
    const params = Object.fromEntries(Array.from({ length: 130_000 }, (_, index) => [`a${index}`, ""]));
    const body = Object.keys(params).join("&");
    expectEvent(await send({ body, signature: await signatureOf(HOOK, listsOf(params)) }));
    expect(await send({ body, signature: await signatureOf(HOOK, {}) })).toEqual(refusal("signature_mismatch"));
  });

  test("with repeated fields, sorted and each value once", async () => {
    const body = "MediaUrl=b&MediaUrl=a&MediaUrl=b&Body=x+y%26z&Empty=";
    const signature = await signatureOf(HOOK, { MediaUrl: ["b", "a"], Body: ["x y&z"], Empty: [""] });
    expectEvent(await send({ body, signature }));
    expect(
      twilio.validateRequest(TOKEN, signature, HOOK, { MediaUrl: ["b", "a", "b"], Body: "x y&z", Empty: "" }),
    ).toBe(true);
  });

  test("by GET, with everything in the URL", async () => {
    const url = `${HOOK}?CallSid=CA1&AccountSid=AC1`;
    const event = expectEvent(await send({ url, method: "GET", signature: await signatureOf(url), type: "" }));
    expect(event).toMatchObject({ tenants: ["AC1"], id: null, alwaysNew: true });
  });

  test("whether or not its signer wrote the default port, and ours", async () => {
    for (const [called, signed] of [
      [HOOK, HOOK],
      [HOOK, HOOK.replace(".com/", ".com:443/")],
      ["https://connect.example.com:8443/hooks/hook-1", HOOK],
      ["https://connect.example.com:8443/hooks/hook-1", "https://connect.example.com:8443/hooks/hook-1"],
      ["http://127.0.0.1:8787/hooks/1", "http://127.0.0.1/hooks/1"],
      ["http://connect.example.com/hooks/1", "http://connect.example.com:80/hooks/1"],
    ] as const) {
      expectEvent(
        await send({
          url: called,
          signature: await signatureOf(signed, listsOf(PARAMS)),
          body: String(new URLSearchParams(PARAMS)),
        }),
      );
    }
  });

  test("with a query that its signer wrote in the old way", async () => {
    const called = `${HOOK}?name=O%27Hara+%C3%A9&x=1&name=b`;
    const signed = `${HOOK}?name=O'Hara%20%C3%A9&name=b&x=1`;
    const signature = await signatureOf(signed);
    expect(twilio.validateRequest(TOKEN, signature, called, {})).toBe(true);
    expectEvent(await send({ url: called, signature }));
  });

  test("behind a custom domain, once its URL is configured", async () => {
    const registered = "https://hooks.customer.example/twilio";
    const signature = await signatureOf(`${registered}?a=1`, listsOf(PARAMS));
    const given = { url: `${HOOK}?a=1`, body: String(new URLSearchParams(PARAMS)), signature };
    expect(await send(given)).toEqual(refusal("signature_mismatch"));
    expectEvent(await send(given, { notificationUrl: registered }));
  });

  test("with JSON whose hash the signed URL carries", async () => {
    const body = '{"CallSid":"CA1"}';
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body));
    const url = `${HOOK}?bodySHA256=${new Uint8Array(digest).toHex()}`;
    const signature = await signatureOf(url);
    expect(twilio.validateRequestWithBody(TOKEN, signature, url, body)).toBe(true);
    const type = "application/json";
    expectEvent(await send({ url, body, signature, type }));
    expect(await send({ url, body: `${body}\n`, signature, type })).toEqual(refusal("signature_mismatch"));
    expect(await send({ url: `${HOOK}?bodySHA256=`, body: "", signature, type })).toEqual(
      refusal("signature_mismatch"),
    );
  });

  test("W-07 by either secret while a rotation lasts", async () => {
    const given = { body: "a=b", signature: await signatureOf(HOOK, { a: ["b"] }, "old-token") };
    expect(await send(given, {}, ["new-token", "old-token"])).toMatchObject({ kind: "event", secretId: "sec_1" });
    expect(await send(given, {}, ["new-token"])).toEqual(refusal("signature_mismatch"));
  });
});

describe("a request of Twilio is refused", () => {
  test("when its body is no form and no hash covers it: nothing was signed but the URL", async () => {
    const signature = await signatureOf(HOOK);
    expectEvent(await send({ signature, type: "application/json" }));
    for (const type of ["application/json", "text/plain", "multipart/form-data", ""]) {
      expect(await send({ body: '{"forged":true}', signature, type })).toEqual(refusal("signature_mismatch"));
    }
  });

  test("when a form that was signed is passed off as something else", async () => {
    const given = { body: "a=b", signature: await signatureOf(HOOK, { a: ["b"] }) };
    expectEvent(await send(given));
    expect(await send({ ...given, type: "application/json" })).toEqual(refusal("signature_mismatch"));
  });

  test("W-01 when a field was added, changed, or taken away", async () => {
    const signature = await signatureOf(HOOK, listsOf(PARAMS));
    for (const change of [{ Digits: "9" }, { Extra: "1" }]) {
      const body = String(new URLSearchParams({ ...PARAMS, ...change }));
      expect(await send({ body, signature })).toEqual(refusal("signature_mismatch"));
    }
    expect(await send({ body: "", signature })).toEqual(refusal("signature_mismatch"));
  });

  test("when it was signed for another host, path or query", async () => {
    for (const url of [
      `${HOOK}/`,
      `${HOOK}?a=1`,
      HOOK.replace("example.com", "example.org"),
      HOOK.replace("https", "http"),
    ]) {
      expect(await send({ signature: await signatureOf(url) })).toEqual(refusal("signature_mismatch"));
    }
  });

  test.each([
    ["fault 2 empty", "", "signature_missing"],
    ["fault 7 not padded", "GvWf1cFY/Q7PnoempGyD5oXAezc", "signature_malformed"],
    ["fault 7 in the URL's alphabet", "GvWf1cFY_Q7PnoempGyD5oXAezc=", "signature_malformed"],
    ["fault 8 cut short", "GvWf1cFY/Q7PnoempGyD5oXA", "signature_malformed"],
    ["fault 9 with more bytes", "GvWf1cFY/Q7PnoempGyD5oXAezcAAAA=", "signature_malformed"],
  ])("with a signature that is %s", async (_, signature, reason) => {
    expect(await send({ signature })).toEqual(refusal(reason));
  });

  test("fault 1 without one; fault 13 and without a usable secret it is our fault", async () => {
    expect(await judge("twilio", webhook({ headers: FORM }), { secrets: [TOKEN] })).toEqual(
      refusal("signature_missing"),
    );
    const signature = await signatureOf(HOOK);
    for (const secrets of [[], [""], [" padded"]]) {
      expect(await send({ signature }, {}, secrets)).toEqual({ kind: "misconfigured" });
    }
    expect(context({ secrets: [""] }).secrets).toHaveLength(1);
  });

  test("fault 19 with a body that is no UTF-8, and nothing throws", async () => {
    const body = new Uint8Array([0x61, 0x3d, 0xff, 0xfe]);
    const headers = { ...FORM, "x-twilio-signature": await signatureOf(HOOK, { a: ["\ufffd\ufffd"] }) };
    expectEvent(await judge("twilio", webhook({ body, headers }), { secrets: [TOKEN] }));
  });
});

describe("what Twilio's own library accepts, we accept", () => {
  const urls = [
    HOOK,
    `${HOOK}?a=1&b=%20x`,
    `${HOOK}?q='single'&r=(x)*!~`,
    "https://connect.example.com:8443/h?x=%C3%BC",
    `${HOOK}?`,
  ];
  const forms = ["", "a=1", "a=1&a=2&a=1", "b=%E2%9C%93+x&A=z&a=", "constructor=1&__proto__=2&toString=3"];
  test.each(urls.flatMap((url) => forms.map((form) => [url, form] as const)))("%s with %s", async (url, form) => {
    const params: Record<string, string | string[]> = Object.create(null);
    for (const name of new Set(new URLSearchParams(form).keys())) {
      const values = new URLSearchParams(form).getAll(name);
      params[name] = values.length === 1 ? (values[0] ?? "") : values;
    }
    const signature = twilio.getExpectedTwilioSignature(TOKEN, url, params);
    expect(twilio.validateRequest(TOKEN, signature, url, params)).toBe(true);
    expectEvent(await send({ url, body: form, signature }));
    // The runtime hands out URLs as its parser writes them.
    expectEvent(await send({ url: new URL(url).href, body: form, signature }));
  });

  test("whatever the names and values are, and refuse it with any other", async () => {
    const text = fc.string({ unit: "grapheme", maxLength: 12 });
    const fields = fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fields, fields, async (inQuery, inForm) => {
        const url = `${HOOK}?${new URLSearchParams(inQuery)}`;
        const form = new URLSearchParams(inForm);
        const params: Record<string, string[]> = Object.create(null);
        for (const name of form.keys()) params[name] = form.getAll(name);
        const signature = twilio.getExpectedTwilioSignature(TOKEN, url, params);
        expectEvent(await send({ url, body: String(form), signature }));
        const more = `${form}&${new URLSearchParams([["added", "1"]])}`;
        expect(await send({ url, body: more, signature })).toEqual(refusal("signature_mismatch"));
        expect(await send({ url: `${url}&added=1`, body: String(form), signature })).toEqual(
          refusal("signature_mismatch"),
        );
      }),
      { numRuns: 60 },
    );
  });
});
