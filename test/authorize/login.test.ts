import { env } from "cloudflare:workers";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createGuardedFetch } from "../../src/outbound/guarded-fetch.ts";
import { clock } from "../support/clock.ts";
import { ownerToken, type Scene } from "../support/connect.ts";
import { trustedWorkload } from "../support/workload.ts";
import { browser, newWorld, nextOf, ORIGIN, RETURN_URL, start, userScene, type World } from "./support.ts";

const ISSUER = "https://login.example.org";

/** An OpenID provider in memory: it answers the next code with an id_token of what the test wants. */
async function openIdProvider() {
  const pair = await generateKeyPair("ES256");
  const foreign = await generateKeyPair("ES256");
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: "login-key", alg: "ES256", use: "sig" };
  const state = {
    nonce: "",
    claims: {} as JWTPayload,
    forged: false,
    status: 200,
    tokenCalls: [] as URLSearchParams[],
  };
  const idToken = () =>
    new SignJWT({ nonce: state.nonce, ...state.claims })
      .setProtectedHeader({ alg: "ES256", kid: "login-key" })
      .setIssuer((state.claims.iss as string | undefined) ?? ISSUER)
      .setAudience((state.claims.aud as string | undefined) ?? "login-client")
      .setSubject(state.claims.sub ?? "ada")
      .setIssuedAt(Math.floor(clock.now() / 1000))
      .setExpirationTime(Math.floor(clock.now() / 1000) + 300)
      .sign(state.forged ? foreign.privateKey : pair.privateKey);
  const network = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    if (pathname.startsWith("/.well-known/")) {
      return Response.json({
        issuer: ISSUER,
        authorization_endpoint: `${ISSUER}/authorize`,
        token_endpoint: `${ISSUER}/token`,
        jwks_uri: `${ISSUER}/jwks`,
        authorization_response_iss_parameter_supported: true,
      });
    }
    if (pathname === "/jwks") return Response.json({ keys: [jwk] });
    state.tokenCalls.push(new URLSearchParams(String(init?.body ?? "")));
    if (state.status !== 200) return Response.json({ error: "invalid_grant" }, { status: state.status });
    return Response.json({ access_token: "login-token", token_type: "Bearer", id_token: await idToken() });
  };
  return { state, network };
}

let world: World;
let scene: Scene;
let issuerId: string;
let provider: Awaited<ReturnType<typeof openIdProvider>>;
beforeAll(async () => {
  provider = await openIdProvider();
  const policy = { ownHosts: ["127.0.0.1:8787"], allowLoopback: true };
  const real = globalThis.fetch.bind(globalThis);
  const network: typeof fetch = (input, init) =>
    String(input).startsWith(ISSUER) ? provider.network(input as string, init as RequestInit) : real(input, init);
  world = await newWorld({ fetch: createGuardedFetch({ fetch: network, policy }) });
  const owner = await ownerToken(world.api);
  const registered = await world.api.post(
    "/v1/issuers",
    {
      issuer: ISSUER,
      audience: "x",
      algorithms: ["ES256"],
      login: { clientId: "login-client", clientSecret: "login-secret-value" },
    },
    owner,
  );
  expect([registered.status, registered.body.login]).toEqual([201, { clientId: "login-client" }]);
  expect(registered.text).not.toContain("login-secret-value");
  issuerId = registered.body.id;
  const made = await userScene(world.api, "login", { minimumBinding: "login" });
  scene = { ...made, runtime: await (await trustedWorkload(world.api, made)).sign() };
});
beforeEach(() => {
  Object.assign(provider.state, { claims: {}, forged: false, status: 200 });
});

const ada = { subject: { type: "user", id: "ada", issuer: ISSUER }, returnUrl: RETURN_URL };
const resultOf = async (verifier: string) =>
  (await world.api.post("/v1/connect/result", { verifier }, scene.runtime)).body;

/** The user agrees, and is at the issuer. */
async function signingIn() {
  const { body, text } = await start(world.api, scene, ada);
  if (body.request === undefined) throw new Error(text);
  const user = browser(world.api, ORIGIN);
  const url = nextOf((await user.decide(body.request)).text);
  provider.state.nonce = url.searchParams.get("nonce") ?? "";
  const state = url.searchParams.get("state") ?? "";
  const back = (sent: Record<string, string> = {}, id = issuerId) =>
    `/login/callback/${id}?${new URLSearchParams({ state, code: "login-code", iss: ISSUER, ...sent })}`;
  return { ...(body as { request: string; verifier: string }), user, url, back };
}

describe("A-01 users who sign in before they authorize", () => {
  test("A-01 the user whom the request names goes on to the provider, and the Grant is asked after that", async () => {
    const { user, url, back, verifier } = await signingIn();
    expect(url.origin + url.pathname).toBe(`${ISSUER}/authorize`);
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      client_id: "login-client",
      scope: "openid",
      code_challenge_method: "S256",
      redirect_uri: `${ORIGIN}/login/callback/${issuerId}`,
    });
    expect(url.searchParams.has("prompt")).toBe(false);
    const before = world.grants.asked.length;
    const on = await user.get(back());
    expect(on.status).toBe(303);
    const atProvider = new URL(on.headers.get("location") ?? "");
    expect(atProvider.href.startsWith(`${scene.upstream.issuer}/authorize`)).toBe(true);
    expect(provider.state.tokenCalls.at(-1)?.get("code_verifier")).toMatch(/^[\w-]{43}$/);
    expect(world.grants.asked).toHaveLength(before);
    const state = atProvider.searchParams.get("state") ?? "";
    const done = await user.get(`/callback/${scene.connectorId}?${new URLSearchParams({ state, code: "c" })}`);
    expect(done.status).toBe(303);
    expect(world.grants.asked.at(-1)).toMatchObject({ identity: { subject: { issuer: ISSUER, id: "ada" } } });
    expect((await resultOf(verifier)).status).toBe("success");
  });

  test("A-01 the victim of a forwarded link signs in as somebody else, and that is the end", async () => {
    const { user, back, verifier } = await signingIn();
    provider.state.claims = { sub: "victim" };
    const before = world.grants.asked.length;
    const page = await user.get(back());
    expect(page.status).toBe(403);
    expect(page.text).not.toContain("victim");
    expect(await resultOf(verifier)).toMatchObject({ status: "error", error: { code: "subject_mismatch" } });
    expect((await user.get(back())).status).toBe(400);
    expect(world.grants.asked).toHaveLength(before);
  });

  test.for([
    ["another nonce", { claims: { nonce: "other" } }],
    ["another audience", { claims: { aud: "someone-else" } }],
    ["another issuer", { claims: { iss: "https://evil.example" } }],
    ["a signature by another key", { forged: true }],
    ["no tokens", { status: 400 }],
  ] as const)("A-20 %s proves nobody", async ([, lie]) => {
    const { user, back, verifier } = await signingIn();
    Object.assign(provider.state, lie);
    const answer = await user.get(back());
    expect(answer.headers.get("location")).not.toContain("/authorize?");
    expect((await resultOf(verifier)).status).toBe("error");
  });

  test("A-02 A-05 A-08 the way back is bound as the provider's is", async () => {
    const { user, back, verifier } = await signingIn();
    const calls = provider.state.tokenCalls.length;
    expect((await browser(world.api, ORIGIN).get(back())).status).toBe(400);
    expect((await user.get(back({}, "iss_other"))).status).toBe(400);
    expect((await user.get(`${back()}&code=2`)).status).toBe(400);
    expect(provider.state.tokenCalls).toHaveLength(calls);
    const answers = await Promise.all(Array.from({ length: 5 }, () => user.get(back())));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([303, 400, 400, 400, 400]);
    expect(provider.state.tokenCalls).toHaveLength(calls + 1);
    expect((await resultOf(verifier)).status).toBe("pending");

    const mixed = await signingIn();
    expect((await mixed.user.get(mixed.back({ iss: "https://evil.example" }))).status).toBe(400);
    expect(await resultOf(mixed.verifier)).toMatchObject({ error: { code: "issuer_mismatch" } });
  });

  test("A-01 nobody gets to the provider's leg without the login", async () => {
    const { user, request } = await signingIn();
    const again = await user.decide(request);
    expect(nextOf(again.text).origin).toBe(ISSUER);
    const row = await env.DB.prepare("SELECT * FROM authorization_requests WHERE id = ?").bind(request).first();
    expect(row).toMatchObject({ status: "signing_in", state_hash: null });
  });

  test("a refusal at the issuer is the user's", async () => {
    const { user, back, verifier, request } = await signingIn();
    const path = back({ error: "access_denied" }).replace("code=login-code&", "");
    expect((await user.get(path)).headers.get("location")).toBe(`${RETURN_URL}&connect_request=${request}`);
    expect((await resultOf(verifier)).status).toBe("canceled");
  });
});

describe("an issuer's login", () => {
  test("is set, replaced and removed; its secret is sealed and never shown", async () => {
    const { api } = world;
    const { owner } = scene;
    const path = `/v1/issuers/${issuerId}/login`;
    const put = await api.put(path, { clientId: "public-client" }, owner);
    expect([put.status, put.body.login]).toEqual([200, { clientId: "public-client" }]);
    expect((await api.put(path, { clientId: "c", extra: 1 }, owner)).status).toBe(400);
    expect((await api.put("/v1/issuers/iss_x/login", { clientId: "c" }, owner)).status).toBe(404);
    const secret = "another-login-secret";
    await api.put(path, { clientId: "login-client", clientSecret: secret }, owner);
    const row = await env.DB.prepare("SELECT * FROM issuers WHERE id = ?").bind(issuerId).first();
    // Each login's secret has a number of its own, so that no envelope of an earlier one opens.
    expect(row).toMatchObject({ login_secret_kid: "k1", login_secret_generation: 3 });
    expect(JSON.stringify(row)).not.toContain(secret);
    expect((await api.get("/v1/issuers", owner)).text).not.toContain(secret);
    expect((await api.delete(path, owner)).status).toBe(204);
    expect((await api.delete(path, owner)).status).toBe(404);
    expect((await api.delete("/v1/issuers/iss_x/login", owner)).status).toBe(404);
    const refused = await start(api, scene, ada);
    expect([refused.status, refused.body.error.code]).toEqual([422, "login_unavailable"]);
    expect((await start(api, scene, { ...ada, subject: { type: "user", id: "ada" } })).status).toBe(422);
  });
});
