import { base64url, generateKeyPair, SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { utf8 } from "../../../src/crypto/bytes.ts";
import {
  createTokenMemory,
  TriggerError,
  type VerifyTriggerOptions,
  verifyTrigger,
} from "../../../src/sdk/triggers/index.ts";
import { AUDIENCE, BODY, CONNECTOR, claims, NOW_MS, options, publicJwk, request, token, URL_A } from "./sender.ts";

/** The code of the refusal, or "ok". */
async function judged(made: Request, overrides: Partial<VerifyTriggerOptions> = {}): Promise<string> {
  return verifyTrigger(made, { ...options, ...overrides }).then(
    () => "ok",
    (error: unknown) => (error instanceof TriggerError ? error.code : `threw ${error}`),
  );
}

const seconds = NOW_MS / 1000;

describe("an event of one's own deployment", () => {
  test("is told with all that its token says, and with the bytes that were sent", async () => {
    const trigger = await verifyTrigger(request(await token({ project_id: "prj_1", environment: "preview" })), options);
    expect(trigger).toMatchObject({
      eventId: "evt_1",
      deliveryId: "dlv_1",
      attemptId: "att_1",
      connector: { id: CONNECTOR, uid: "github/acme", type: "github", service: "github" },
      tenantId: "T1",
      projectId: "prj_1",
      environment: "preview",
    });
    expect(trigger).not.toHaveProperty("installationId");
    expect(trigger.body).toEqual(utf8(BODY));
    expect([trigger.text(), trigger.json()]).toEqual([BODY, JSON.parse(BODY)]);
  });

  test("may have an empty body, and a connector that is asked for", async () => {
    const empty = await token({ body_sha256: "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU" });
    expect(await judged(request(empty, { body: null }), { connector: CONNECTOR })).toBe("ok");
  });
});

describe("W-10 a captured token is worth nothing", () => {
  test("fault 65 at another destination, whether its audience or its URL differs", async () => {
    expect(await judged(request(await token()), { audience: "https://other.example/github" })).toBe(
      "audience_mismatch",
    );
    for (const url of ["https://other.example/github?team=a", "https://app.example.com/github", `${URL_A}&x=1`]) {
      expect([url, await judged(request(await token(), { url }))]).toEqual([url, "request_mismatch"]);
    }
    expect(await judged(request(await token(), { method: "PUT" }))).toBe("request_mismatch");
  });

  test("fault 65 with another body, one byte longer, shorter or different", async () => {
    for (const body of [`${BODY} `, BODY.slice(1), BODY.replace("opened", "closed"), ""]) {
      expect([body, await judged(request(await token(), { body }))]).toEqual([body, "body_mismatch"]);
    }
  });

  test("fault 65 late or early: 30 s of clock skew are tolerated both ways, 31 s are not", async () => {
    const at = (seconds: number) => ({ now: () => NOW_MS + seconds * 1000 });
    expect(await judged(request(await token()), at(329))).toBe("ok");
    expect(await judged(request(await token()), at(331))).toBe("token_expired");
    expect(await judged(request(await token({ nbf: undefined })), at(-30))).toBe("ok");
    expect(await judged(request(await token({ nbf: undefined })), at(-31))).toBe("token_expired");
    expect(await judged(request(await token({ nbf: seconds + 31 })))).toBe("token_expired");
  });

  test("fault 65 a second time, where tokens are remembered; but a wrong body does not use it up", async () => {
    const memory = createTokenMemory({ now: () => NOW_MS });
    const made = await token();
    expect(await judged(request(made, { body: "other" }), { memory })).toBe("body_mismatch");
    expect(await judged(request(made), { memory })).toBe("ok");
    expect(await judged(request(made), { memory })).toBe("token_replayed");
    expect(await judged(request(await token({ jti: "att_2" })), { memory })).toBe("ok");
  });
});

describe("W-10 no other token passes for a forward token", () => {
  test("B-17 of another type: a workload's, a completion webhook's, an access token, a plain JWT", async () => {
    for (const typ of ["workload+jwt", "connect-authorization+jwt", "JWT", "at+jwt", "connect-webhook"]) {
      expect([typ, await judged(request(await token({}, { typ })))]).toEqual([typ, "token_invalid"]);
    }
    expect(await judged(request(await token({}, { typ: undefined })))).toBe("token_invalid");
    expect(await judged(request("vk_abc"))).toBe("token_missing");
  });

  test("without a signature, or with HMAC under the public key", async () => {
    const [, payload] = (await token()).split(".");
    const header = base64url.encode(JSON.stringify({ alg: "none", typ: "connect-webhook+jwt" }));
    expect(await judged(request(`${header}.${payload}.`))).toBe("token_missing");
    expect(await judged(request(`${header}.${payload}.AAAA`))).toBe("token_invalid");
    const hmac = await new SignJWT(await claims())
      .setProtectedHeader({ alg: "HS256", kid: "current", typ: "connect-webhook+jwt" })
      .sign(utf8(JSON.stringify(publicJwk)));
    expect(await judged(request(hmac))).toBe("token_invalid");
  });

  test("by a stranger's key, under our key id, an unknown one, or one that it brings along", async () => {
    const stranger = await generateKeyPair("ES256", { extractable: true });
    expect(await judged(request(await token({}, {}, stranger.privateKey)))).toBe("token_invalid");
    expect(await judged(request(await token({}, { kid: "unknown" })))).toBe("token_invalid");
    const jwk = { kty: "EC", crv: "P-256", x: "AA", y: "AA" };
    expect(await judged(request(await token({}, { jwk, kid: undefined }, stranger.privateKey)))).toBe("token_invalid");
  });

  test("of another issuer, for several audiences, or of another connector", async () => {
    expect(await judged(request(await token({ iss: "https://other.example" })))).toBe("issuer_mismatch");
    expect(await judged(request(await token({ aud: [AUDIENCE] })))).toBe("audience_mismatch");
    expect(await judged(request(await token({ aud: [AUDIENCE, "x"] })))).toBe("audience_mismatch");
    expect(await judged(request(await token()), { connector: "scl_other" })).toBe("connector_mismatch");
    expect(await judged(request(await token({ sub: "connector:scl_other" })))).toBe("token_invalid");
  });

  test.for(["exp", "iat", "sub", "jti", "htm", "htu", "body_sha256", "event_id", "delivery_id", "trigger"])(
    "without %s, or with a number for it that it should not be",
    async (name) => {
      expect(await judged(request(await token({ [name]: undefined })))).toBe("token_invalid");
      if (name !== "exp" && name !== "iat") {
        expect(await judged(request(await token({ [name]: 1 })))).toBe("token_invalid");
      }
    },
  );

  test("that lives longer than five minutes", async () => {
    expect(await judged(request(await token({ exp: seconds + 301 })))).toBe("token_invalid");
  });
});

describe("what cannot be judged", () => {
  test("a request without a bearer token, or with something else", async () => {
    expect(await judged(request(null))).toBe("token_missing");
    const basic = new Request(URL_A, { method: "POST", headers: { authorization: "Basic eDp5" }, body: BODY });
    expect(await judged(basic)).toBe("token_missing");
  });

  test("W-14 a body above the cap is not read to its end, and one at the cap is", async () => {
    expect(await judged(request(await token()), { maxBodyBytes: utf8(BODY).length })).toBe("ok");
    expect(await judged(request(await token()), { maxBodyBytes: utf8(BODY).length - 1 })).toBe("body_too_large");
  });

  test("a body that something has read before", async () => {
    const made = request(await token());
    await made.text();
    expect(await judged(made)).toBe("body_unreadable");
  });

  test("options without an audience, or with an issuer that is no URL, are the receiver's own mistake", async () => {
    const made = await token();
    const error = await verifyTrigger(request(made), { ...options, audience: "" }).catch((thrown) => thrown);
    expect([error.code, error.status]).toEqual(["invalid_configuration", 500]);
    expect(await judged(request(made), { issuer: "connect" })).toBe("invalid_configuration");
  });

  test("behind a proxy, the receiver's own origin stands for the one that it sees", async () => {
    const inner = "http://10.0.0.7:3000/github?team=a";
    expect(await judged(request(await token(), { url: inner }))).toBe("request_mismatch");
    expect(await judged(request(await token(), { url: inner }), { origin: "https://app.example.com" })).toBe("ok");
    expect(await judged(request(await token(), { url: inner }), { origin: "https://app.example.com/" })).toBe("ok");
  });

  test("no refusal says anything of the token or the body", async () => {
    const made = await token({ jti: "SECRET-JTI" });
    for (const overrides of [{ audience: "x" }, { connector: "y" }, { maxBodyBytes: 1 }]) {
      const error = await verifyTrigger(request(made), { ...options, ...overrides }).catch((thrown) => thrown);
      expect(`${error.message} ${JSON.stringify(error)}`).not.toMatch(/SECRET-JTI|opened/);
      expect(error.message).not.toContain(made.slice(0, 20));
    }
  });
});

describe("the memory of tokens", () => {
  test("forgets an id when it expires, and the oldest when there are too many", () => {
    let nowMs = 0;
    const memory = createTokenMemory({ maxEntries: 2, now: () => nowMs });
    expect([memory.add("a", 10), memory.add("a", 10)]).toEqual([true, false]);
    nowMs = 10;
    expect(memory.add("a", 20)).toBe(true);
    expect([memory.add("b", 20), memory.add("c", 20), memory.add("a", 20), memory.add("c", 20)]).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });
});
