import { beforeEach, describe, expect, test } from "vitest";
import { mintAccessToken } from "../../src/callers/access-token.ts";
import { base64url, utf8 } from "../../src/crypto/bytes.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { clock } from "../support/clock.ts";
import { isolate, ownerToken } from "../support/connect.ts";
import { limitsOf } from "../support/limits.ts";

/** What anyone can send, and what it may cost: each way in, from its first refusal on. */

beforeEach(() => clock.reset());

const ADDRESS = { "cf-connecting-ip": "192.0.2.77" };
const REFUSED = [429, "rate_limited"];

async function limited() {
  const { limits, bindings } = limitsOf({ ip: 3 });
  return { ...(await isolate({ limits })), bindings };
}
type Limited = Awaited<ReturnType<typeof limited>>;

const send = async ({ api }: Limited, path: string, token?: string) => {
  const { status, body } = await api.send(path, {
    headers: { ...ADDRESS, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
  });
  return [status, body.error?.code];
};

const segment = (value: object) => base64url(utf8(JSON.stringify(value)));
const jwt = (header: object, claims: object) => `${segment(header)}.${segment(claims)}.AAAA`;
/** Well-formed, and of no access token that exists. */
async function unknownAccessToken({ services }: Limited): Promise<string> {
  return (await mintAccessToken(services.keys, randomBytes)).token.expose();
}
const nowS = () => Math.floor(clock.now() / 1000);

describe("U-13 a flood costs the stores nothing after its first refusals", () => {
  const WAYS: Record<string, (at: Limited) => Promise<string>> = {
    "of access tokens that nobody has": unknownAccessToken,
    "of tokens by issuers that nobody registered": async () =>
      jwt({ alg: "RS256", kid: "k" }, { iss: `https://${crypto.randomUUID()}.example`, sub: "x" }),
    // Before setup, as in all these tests, no key of ours can be remembered.
    "of tokens in our own name": async ({ services: { settings } }) =>
      jwt(
        { alg: "ES256", kid: crypto.randomUUID(), typ: "workload+jwt" },
        { iss: settings.publicOrigin, aud: settings.publicOrigin, sub: "x", iat: nowS(), exp: nowS() + 60 },
      ),
  };
  test.for(Object.entries(WAYS))("%s", async ([, token]) => {
    const at = await limited();
    for (let round = 0; round < 3; round++) expect((await send(at, "/v1/team", await token(at)))[0]).toBe(401);
    await send(at, "/v1/team", await token(at));
    at.reset();
    for (let round = 0; round < 20; round++) expect(await send(at, "/v1/team", await token(at))).toEqual(REFUSED);
    expect(at.calls).toEqual({ d1: 0, kv: 0, objects: 0 });
  });

  test("of questions after an unhealthy deployment's health", async () => {
    await ownerToken((await isolate()).api);
    const at = await limited();
    at.failing.d1 = true;
    for (let round = 0; round < 3; round++) expect((await send(at, "/health"))[0]).toBe(503);
    at.reset();
    for (let round = 0; round < 20; round++) expect(await send(at, "/health")).toEqual(REFUSED);
    expect(at.calls).toEqual({ d1: 0, kv: 0, objects: 0 });
  });

  test("of questions for our keys, which an isolate that has none reads each time", async () => {
    const at = await limited();
    at.failing.d1 = true;
    for (let round = 0; round < 3; round++) expect((await send(at, "/.well-known/jwks.json"))[0]).toBe(503);
    at.reset();
    for (let round = 0; round < 20; round++) expect(await send(at, "/.well-known/jwks.json")).toEqual(REFUSED);
    expect(at.calls).toEqual({ d1: 0, kv: 0, objects: 0 });
  });
});
