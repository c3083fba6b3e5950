import { describe, expect, it } from "vitest";
import { hex } from "../../../src/crypto/bytes.ts";
import { PROVIDERS } from "../../../src/triggers/recipes/registry.ts";
import {
  checkRecipe,
  parseStoredRecipe,
  providersForConnector,
  secretProblem,
} from "../../../src/triggers/recipes/stored-recipe.ts";
import { contextOf, get, hmac, NOW_S, outcome, post, recipeOf, URL_OF_HOOK, verify } from "./signing.ts";

const OWN = {
  signature: { header: "X-Acme-Signature", prefix: "v1=", algorithm: "hmac-sha512" },
  signed: "{id}|{ts}|{url}|{body}",
  secret: { stripPrefix: "acme_", encoding: "hex" },
  timestamp: { source: { header: "x-acme-time" }, unit: "s", toleranceSeconds: 60 },
  idHeader: "x-acme-id",
  event: {
    type: [[{ pointer: "/kind" }, { header: "x-acme-kind" }], { pointer: "/verb" }],
    id: [[{ pointer: "/a" }, { pointer: "/b" }], { header: "x-acme-id" }],
    tenant: [{ pointer: "/accounts/*/id" }],
  },
  acknowledgement: { status: 202 },
  forwardedHeaders: ["x-acme-region"],
  strippedHeaders: ["x-acme-token"],
};

/** What is wrong with it; null = nothing. */
function problem(input: unknown): string | null {
  const checked = checkRecipe(input);
  return checked.ok ? null : `${checked.failure.code}: ${checked.failure.message}`;
}

function stored(input: unknown) {
  const checked = checkRecipe(input);
  if (!checked.ok) throw new Error(checked.failure.message);
  return parseStoredRecipe(JSON.stringify(checked.value));
}

describe("a recipe of an operator's own", () => {
  it("is stored, and verifies what it describes", async () => {
    const { recipe } = stored({ recipe: OWN });
    expect(recipe).toMatchObject({
      methods: ["POST"],
      acknowledgement: { status: 202, body: "" },
      forwardedHeaders: expect.arrayContaining(["x-acme-signature", "x-acme-time", "x-acme-id", "x-acme-region"]),
      strippedHeaders: expect.arrayContaining(["authorization", "x-acme-token"]),
    });
    const body = '{"verb":"made","a":1,"b":2,"accounts":[{"id":7},{"id":8}]}';
    const key = Uint8Array.fromHex("00112233445566778899aabbccddeeff");
    const signature = hex(await hmac("SHA-512", key, `m1|${NOW_S}|${URL_OF_HOOK}|${body}`));
    const request = post(body, {
      "x-acme-signature": `v1=${signature}`,
      "x-acme-time": NOW_S,
      "x-acme-id": "m1",
      "x-acme-kind": "order",
    });
    expect(await verify(recipe, request, contextOf([`acme_${hex(key)}`]))).toEqual({
      kind: "event",
      secretId: "s0",
      event: {
        type: "order.made",
        id: "1.2",
        idIsSigned: true,
        tenants: ["7", "8"],
        sentAtMs: Number(NOW_S) * 1000,
      },
    });
    expect(outcome(await verify(recipe, get("?challenge=x"), contextOf([`acme_${hex(key)}`])))).toBe(
      "400 not_a_webhook",
    );
  });

  it("may have the URL signed that is registered, where something stands before ours", async () => {
    const input = {
      recipe: { signature: { header: "s", algorithm: "hmac-sha256" }, signed: "{url}{body}" },
      settings: { notificationUrl: "https://hooks.acme.example/in" },
    };
    const { recipe, settings } = stored(input);
    const request = post("{}", { s: hex(await hmac("SHA-256", "k", "https://hooks.acme.example/in{}")) });
    expect(outcome(await verify(recipe, request, contextOf(["k"], { settings })))).toBe("event");
    expect(outcome(await verify(recipe, request, contextOf(["k"])))).toBe("401 signature_mismatch");
  });

  it("may repeat a secret in a header, which is then never forwarded", async () => {
    const { recipe } = stored({
      recipe: { signature: { header: "X-Token", algorithm: "equality", encoding: "utf8" } },
    });
    expect(recipe.strippedHeaders).toContain("x-token");
    expect(recipe.forwardedHeaders).not.toContain("x-token");
    expect(outcome(await verify(recipe, post("{}", { "x-token": "k1" }), contextOf(["k1"])))).toBe("event");
    expect(outcome(await verify(recipe, post("{}", { "x-token": "k2" }), contextOf(["k1"])))).toBe(
      "401 signature_mismatch",
    );
  });

  const signature = OWN.signature;
  it.each([
    [
      "W-02 with SHA-1",
      { ...OWN, signature: { ...signature, algorithm: "hmac-sha1" } },
      /recipe\.signature\.algorithm/,
    ],
    ["without a signature", { event: OWN.event }, /recipe\.signature/],
    ["that signs no body", { ...OWN, signed: "{id}{ts}{url}" }, /recipe\.signed: must have \{body\} once/],
    ["that signs the body twice", { ...OWN, signed: "{body}{body}{id}{ts}" }, /must have \{body\} once/],
    ["with another placeholder", { ...OWN, signed: "{id}{ts}{body}{secret}" }, /no \{ but those of/],
    ["that signs a time it has not", { ...OWN, timestamp: undefined }, /recipe\.timestamp: must be required/],
    [
      "that signs a time which may be missing",
      { ...OWN, timestamp: { ...OWN.timestamp, required: false } },
      /must be required/,
    ],
    ["that signs an id it has not", { ...OWN, idHeader: undefined }, /recipe\.idHeader/],
    ["with a time from nowhere", { ...OWN, timestamp: { unit: "s" } }, /recipe\.timestamp\.source/],
    [
      "with a window of a day",
      { ...OWN, timestamp: { ...OWN.timestamp, toleranceSeconds: 86_400 } },
      /toleranceSeconds/,
    ],
    [
      "with a header that is none",
      { ...OWN, signature: { ...signature, header: "X Acme\r\n" } },
      /must be the name of a header/,
    ],
    ["W-09 that takes cookies", { ...OWN, forwardedHeaders: ["Cookie"] }, /transport's or the browser's/],
    ["with a pointer that is none", { ...OWN, strips: ["passcode"] }, /JSON Pointer/],
    [
      "with a public key as text",
      { ...OWN, signature: { header: "s", algorithm: "ed25519" }, secret: { encoding: "utf8" } },
      /recipe\.secret\.encoding/,
    ],
    [
      "with an encoding of no signature",
      { ...OWN, signature: { ...signature, encoding: "utf8" } },
      /recipe\.signature\.encoding/,
    ],
    ["with a body of 26 MiB", { ...OWN, maxBodyBytes: 26 * 1024 * 1024 }, /maxBodyBytes/],
    ["W-05 with replies", { ...OWN, replies: [] }, /unknown_field.*recipe\.replies/],
    [
      "with a secret in it",
      { ...OWN, secret: { encoding: "hex", value: "x" } },
      /unknown_field.*recipe\.secret\.value/,
    ],
  ])("%s is refused with a sentence that says where", (_what, recipe, sentence) => {
    expect(problem(JSON.parse(JSON.stringify({ recipe })))).toMatch(sentence);
  });
});

describe("a provider's recipe", () => {
  it("is chosen by its name, or not at all", () => {
    expect(problem({ provider: "github" })).toBeNull();
    expect(problem({ provider: "gihub" })).toMatch(/^bad_request: provider: it is not one of .*github/);
    expect(problem({ provider: "__proto__" })).toMatch(/it is not one of/);
    expect(problem({})).toMatch(/either a provider or a recipe/);
    expect(problem({ provider: "github", recipe: OWN })).toMatch(/either a provider or a recipe/);
    expect(problem({ provider: "github", secret: "x" })).toMatch(/unknown_field/);
  });

  it("takes the settings that it has, and no others", () => {
    expect(problem({ provider: "meta", settings: { verifyToken: "abc" } })).toBeNull();
    expect(problem({ provider: "meta", settings: { verifyToken: ["abc"] } })).toMatch(/verifyToken must be/);
    expect(problem({ provider: "meta", settings: { verifyToken: "" } })).toMatch(/verifyToken must be/);
    expect(problem({ provider: "meta", settings: { token: "x" } })).toMatch(/the ones there are: verifyToken/);
    expect(problem({ provider: "github", settings: { x: "y" } })).toMatch(/this recipe has none/);
    expect(problem({ provider: "github", settings: {} })).toBeNull();
  });

  it("comes without a word for connectors of its type or service", () => {
    expect(providersForConnector("slack", "slack")).toEqual(["slack"]);
    expect(providersForConnector("oauth", "stripe")).toEqual(["stripe"]);
    expect(providersForConnector("oauth", "clerk")).toEqual(["svix"]);
    expect(providersForConnector("oauth", "gitlab")).toEqual(["gitlab"]);
    expect(providersForConnector("github", "github.example.com")).toEqual(["github"]);
    expect(providersForConnector("custom", "acme")).toEqual([]);
    expect(providersForConnector("oauth", "constructor")).toEqual([]);
  });

  it("that is known no more is misconfigured, never open", async () => {
    for (const json of ['{"provider":"gone"}', '{"recipe":{"signature":{}}}', "{}"]) {
      const { recipe } = parseStoredRecipe(json);
      expect(await verify(recipe, post("{}"), contextOf(["k"]))).toEqual({ kind: "misconfigured" });
    }
  });

  it("reads back as it was stored", () => {
    for (const [name, { recipe, settings = {} }] of PROVIDERS) {
      if (Object.values(settings).some(({ required }) => required)) continue;
      expect(stored({ provider: name }).recipe).toBe(recipe);
    }
  });
});

describe("a secret", () => {
  it.each([
    ["github", "a secret", null],
    ["github", "", "not be empty, or begin or end with white space"],
    ["github", "a secret\n", "not be empty, or begin or end with white space"],
    ["standard-webhooks", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", null],
    ["standard-webhooks", "whsec_", "be a key in base64"],
    ["standard-webhooks", "whsec_no base64", "be a key in base64"],
    ["discord", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", null],
    ["discord", "00".repeat(32), "be a public key for ed25519 in hex"],
  ])("fault 13 of %s: %j", async (name, secret, expected) => {
    expect(await secretProblem(recipeOf(name), secret)).toBe(expected);
  });
});
