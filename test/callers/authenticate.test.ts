import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { authenticate, WORKLOAD_TOKEN_TYP } from "../../src/callers/authenticate.ts";
import { base64url, fromBase64url } from "../../src/crypto/bytes.ts";
import {
  goodClaims,
  isolate,
  malleate,
  segment,
  signer,
  storeAccessToken,
  storeIssuer,
  storeProject,
  storeRule,
  trustedIssuer,
} from "./support.ts";

describe("issuers", () => {
  test("a trusted workload becomes a caller of its project and environment, and nothing is fetched", async () => {
    const idp = await trustedIssuer();
    const { call, state } = isolate();
    expect(await call(await idp.sign(goodClaims(idp.issuer)))).toEqual({
      ok: true,
      value: {
        kind: "workload",
        projectId: idp.projectId,
        environment: "production",
        issuer: idp.issuer,
        subject: "workload-1",
      },
    });
    expect(state.fetches).toEqual([]);
  });

  test("B-03 a token of an unknown issuer causes no outbound request at all", async () => {
    const mallory = await signer();
    const { code, state, settle } = isolate();
    for (const iss of ["https://evil.example.net", "http://169.254.169.254/latest", "https://evil.example.net/../x"]) {
      expect(await code(await mallory.sign(goodClaims(iss), { jku: `${iss}/jwks` }))).toBe("issuer_not_trusted");
    }
    await settle();
    expect(state.fetches).toEqual([]);
  });

  test("B-04 an issuer is its exact spelling", async () => {
    const idp = await trustedIssuer();
    const { code } = isolate();
    const spellings = [
      `${idp.issuer}/`,
      idp.issuer.toUpperCase(),
      `${idp.issuer}:443`,
      ` ${idp.issuer}`,
      `${idp.issuer}#`,
    ];
    for (const iss of spellings) {
      expect(await code(await idp.sign(goodClaims(iss))), iss).toBe("issuer_not_trusted");
    }
  });

  test("B-04 two issuers that share a key set are two: another team's token is not ours", async () => {
    const shared = await signer();
    const base = `https://oidc-${crypto.randomUUID()}.example.com`;
    const ours = await storeIssuer({ issuer: `${base}/our-team`, keys: [shared.publicJwk] });
    const theirs = await storeIssuer({ issuer: `${base}/their-team`, keys: [shared.publicJwk] });
    const [ourProject, theirProject] = [await storeProject(), await storeProject()];
    const claims = { sub: "workload-1" };
    await storeRule(ours, { projectId: ourProject, environment: "production", claims });
    await storeRule(theirs, { projectId: theirProject, environment: "production", claims });
    const { call, code } = isolate();
    const result = await call(await shared.sign(goodClaims(`${base}/their-team`)));
    expect(result).toMatchObject({ ok: true, value: { projectId: theirProject } });
    expect(await code(await shared.sign(goodClaims(`${base}/third-team`)))).toBe("issuer_not_trusted");
    expect(await code(await shared.sign(goodClaims(base)))).toBe("issuer_not_trusted");
  });

  test("B-21 two clusters may use the same names: only the registered cluster's keys count", async () => {
    const clusterA = await trustedIssuer({ issuer: "https://kubernetes.default.svc.cluster.local", jwksUri: "" });
    const clusterB = await signer("ES256", clusterA.kid);
    const stranger = await signer();
    const { code, state } = isolate();
    expect(await code(await clusterA.sign(goodClaims(clusterA.issuer)))).toBe("ok");
    expect(await code(await clusterB.sign(goodClaims(clusterA.issuer)))).toBe("token_signature_invalid");
    expect(await code(await stranger.sign(goodClaims(clusterA.issuer)))).toBe("token_key_unknown");
    expect(state.fetches).toEqual([]);
  });

  test("B-21 a service account that was deleted and made again under its name is another one", async () => {
    const idp = await trustedIssuer();
    const sub = "system:serviceaccount:prod:api";
    const uid = "4f7a1f2e-1111-4222-8333-444455556666";
    const projectId = await storeProject();
    await storeRule(idp.issuerId, {
      projectId,
      environment: "production",
      claims: { sub, "/kubernetes.io/serviceaccount/uid": uid, "/kubernetes.io/namespace": "prod" },
    });
    const { code } = isolate();
    const token = (serviceaccount: unknown, namespace = "prod") =>
      idp.sign(goodClaims(idp.issuer, { sub, "kubernetes.io": { namespace, serviceaccount } }));
    expect(await code(await token({ name: "api", uid }))).toBe("ok");
    expect(await code(await token({ name: "api", uid: uid.replace("4", "5") }))).toBe("forbidden");
    expect(await code(await token({ name: "api" }))).toBe("forbidden");
    expect(await code(await token({ name: "api", uid }, "staging"))).toBe("forbidden");
  });

  test("B-22 a SPIFFE id matches whole: no prefix, no other trust domain in the path", async () => {
    const idp = await trustedIssuer();
    const sub = "spiffe://example.org/ns/prod/sa/api";
    await storeRule(idp.issuerId, { projectId: idp.projectId, environment: "production", claims: { sub } });
    const { code } = isolate();
    expect(await code(await idp.sign(goodClaims(idp.issuer, { sub })))).toBe("ok");
    for (const other of [
      "spiffe://evil.org/example.org/ns/prod/sa/api",
      "spiffe://example.org/ns/prod/sa/api/../admin",
      "spiffe://example.org/ns/prod/sa/api2",
      "spiffe://example.org/ns/prod/sa",
      "spiffe://EXAMPLE.org/ns/prod/sa/api",
    ]) {
      expect(await code(await idp.sign(goodClaims(idp.issuer, { sub: other })))).toBe("forbidden");
    }
  });

  test("B-14 random key ids of a trusted issuer cause one fetch, and its real workloads go on", async () => {
    const idp = await trustedIssuer();
    const mallory = await signer();
    const { code, state, settle } = isolate();
    const tokens = await Promise.all(
      Array.from({ length: 200 }, () => mallory.sign(goodClaims(idp.issuer), { kid: crypto.randomUUID() })),
    );
    const outcomes = await Promise.all(tokens.map(code));
    expect(new Set(outcomes)).toEqual(new Set(["token_key_unknown"]));
    expect(state.fetches).toEqual([idp.jwksUri]);
    expect(await code(await idp.sign(goodClaims(idp.issuer)))).toBe("ok");
    await settle();
  });

  test("a rotated key is found, and the next isolate has it without fetching", async () => {
    const idp = await trustedIssuer();
    const next = await signer();
    const one = isolate();
    one.state.nowMs += 1000;
    one.jwks.set(idp.jwksUri, [idp.publicJwk, next.publicJwk]);
    expect(await one.code(await next.sign(goodClaims(idp.issuer)))).toBe("ok");
    await one.settle();
    const two = isolate();
    expect(await two.code(await next.sign(goodClaims(idp.issuer)))).toBe("ok");
    expect(two.state.fetches).toEqual([]);
  });
});

describe("one-time tokens", () => {
  test("B-08 a token is good once, in any spelling of its signature", async () => {
    const idp = await trustedIssuer({ oneTimeTokens: true });
    const token = await idp.sign(goodClaims(idp.issuer, { jti: "job-1" }));
    const { code } = isolate();
    expect(await code(token)).toBe("ok");
    expect(await code(token)).toBe("token_replayed");
    expect(await code(malleate(token))).toBe("invalid_token_format");
    expect(await code(otherEcdsaSignature(token))).toBe("token_replayed");
    expect(await isolate().code(token)).toBe("token_replayed");
  });

  test("B-08 of many concurrent uses in several isolates one wins", async () => {
    const idp = await trustedIssuer({ oneTimeTokens: true });
    const token = await idp.sign(goodClaims(idp.issuer, { jti: "job-2" }));
    const isolates = [isolate(), isolate(), isolate()];
    const outcomes = await Promise.all(isolates.flatMap(({ code }) => [code(token), code(token), code(token)]));
    expect(outcomes.filter((outcome) => outcome === "ok")).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === "token_replayed")).toHaveLength(8);
  });

  test("B-08 a token without jti is refused, and one that matches no rule is not spent", async () => {
    const idp = await trustedIssuer({ oneTimeTokens: true });
    const { code } = isolate();
    expect(await code(await idp.sign(goodClaims(idp.issuer)))).toBe("token_claims_invalid");
    const early = await idp.sign(goodClaims(idp.issuer, { jti: "job-3", sub: "later" }));
    expect(await code(early)).toBe("forbidden");
    await storeRule(idp.issuerId, { projectId: idp.projectId, environment: "preview", claims: { sub: "later" } });
    expect(await code(early)).toBe("ok");
    expect(await code(early)).toBe("token_replayed");
  });

  test("B-08 ids are the issuer's own: another issuer's token of the same id is another token", async () => {
    const [a, b] = [await trustedIssuer({ oneTimeTokens: true }), await trustedIssuer({ oneTimeTokens: true })];
    const { code } = isolate();
    expect(await code(await a.sign(goodClaims(a.issuer, { jti: "same" })))).toBe("ok");
    expect(await code(await b.sign(goodClaims(b.issuer, { jti: "same" })))).toBe("ok");
  });

  /** (r, n − s) is as valid as (r, s): a second signature that anybody can compute. */
  function otherEcdsaSignature(token: string): string {
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const [head, body, signature = ""] = token.split(".");
    const bytes = fromBase64url(signature) ?? new Uint8Array();
    let s = 0n;
    for (const byte of bytes.slice(32)) s = (s << 8n) | BigInt(byte);
    let negated = order - s;
    const other = new Uint8Array(bytes);
    for (let index = 63; index >= 32; index--, negated >>= 8n) other[index] = Number(negated & 0xffn);
    return `${head}.${body}.${base64url(other)}`;
  }
});

describe("environments and repositories", () => {
  test("B-10 an environment's token is that environment's and no other's", async () => {
    const key = await signer();
    const issuer = `https://oidc-${crypto.randomUUID()}.example.com`;
    const issuerId = await storeIssuer({ issuer, keys: [key.publicJwk], selectorClaim: "project_id" });
    const projectId = await storeProject();
    const environments = ["production", "preview", "development"];
    for (const environment of environments) {
      const claims = { project_id: "p1", environment };
      await storeRule(issuerId, { projectId, environment, claims, selector: "p1" });
    }
    const { call, code } = isolate();
    const token = (environment: unknown) => key.sign(goodClaims(issuer, { project_id: "p1", environment }));
    for (const environment of environments) {
      const result = await call(await token(environment));
      expect(result.ok && result.value.kind === "workload" && result.value.environment).toBe(environment);
    }
    for (const odd of [
      undefined,
      null,
      "",
      "Production",
      "production ",
      "staging",
      ["production"],
      { production: 1 },
      1,
      true,
    ]) {
      expect(await code(await token(odd)), JSON.stringify(odd)).toBe("forbidden");
    }
  });

  test("B-10 a rule for one environment never serves a token of another", async () => {
    for (const registered of ["production", "preview", "development"]) {
      const idp = await trustedIssuer();
      const claims = { sub: "p1", environment: registered };
      await storeRule(idp.issuerId, { projectId: idp.projectId, environment: registered, claims });
      const { code } = isolate();
      for (const carried of ["production", "preview", "development"]) {
        const token = await idp.sign(goodClaims(idp.issuer, { sub: "p1", environment: carried }));
        expect(await code(token)).toBe(carried === registered ? "ok" : "forbidden");
      }
    }
  });

  test("B-09 forks, renamed and re-created repositories and look-alike organizations are not the repository", async () => {
    const key = await signer("RS256");
    const issuer = `https://actions-${crypto.randomUUID()}.example.com`;
    const issuerId = await storeIssuer({
      issuer,
      keys: [key.publicJwk],
      algorithms: ["RS256"],
      selectorClaim: "repository_id",
    });
    const projectId = await storeProject();
    await storeRule(issuerId, {
      projectId,
      environment: "production",
      selector: "74",
      claims: {
        repository_id: "74",
        repository_owner_id: "65",
        ref: "refs/heads/main",
        event_name: "push",
        job_workflow_ref: "octo-org/octo-app/.github/workflows/deploy.yml@refs/heads/main",
      },
    });
    const push = {
      sub: "repo:octo-org/octo-app:ref:refs/heads/main",
      repository: "octo-org/octo-app",
      repository_id: "74",
      repository_owner: "octo-org",
      repository_owner_id: "65",
      repository_visibility: "private",
      ref: "refs/heads/main",
      ref_type: "branch",
      event_name: "push",
      actor: "octocat",
      actor_id: "12",
      run_id: "30433642",
      run_attempt: "2",
      workflow: "deploy",
      job_workflow_ref: "octo-org/octo-app/.github/workflows/deploy.yml@refs/heads/main",
      runner_environment: "github-hosted",
    };
    const { code } = isolate();
    const outcome = async (overrides: Record<string, unknown>) =>
      code(await key.sign(goodClaims(issuer, { ...push, ...overrides })));

    expect(await outcome({})).toBe("ok");
    // Renamed: the ids stay, the names do not matter. New form of `sub` likewise.
    expect(await outcome({ repository: "octo-org/new", sub: "repo:octo-org/new:ref:refs/heads/main" })).toBe("ok");
    expect(await outcome({ sub: "repo:octo-org@65/octo-app@74:ref:refs/heads/main" })).toBe("ok");

    const refused: Record<string, Record<string, unknown>> = {
      "a fork's pull request": {
        event_name: "pull_request",
        ref: "refs/pull/7/merge",
        sub: "repo:octo-org/octo-app:pull_request",
      },
      "pull_request_target on main": { event_name: "pull_request_target" },
      "the fork itself": { repository: "mallory/octo-app", repository_id: "99", repository_owner_id: "66" },
      "a repository re-created under the old name": { repository_id: "100" },
      "a recycled organization name": { repository_owner_id: "67" },
      "an organization with a suffix": {
        repository_owner: "octo-org-65",
        repository_owner_id: "68",
        repository_id: "101",
      },
      "another branch": { ref: "refs/heads/main-2" },
      "a tag named like the branch": { ref: "refs/tags/main" },
      "another workflow": { job_workflow_ref: "octo-org/octo-app/.github/workflows/test.yml@refs/heads/main" },
      "an id that is a number": { repository_id: 74 },
      "a colon in a name": { repository_id: "74:ref:refs/heads/main" },
    };
    for (const [name, overrides] of Object.entries(refused)) {
      expect(await outcome(overrides), name).toBe("forbidden");
    }
  });

  test("rules that disagree about a token refuse it", async () => {
    const idp = await trustedIssuer();
    const other = await storeProject();
    const claims = { sub: "workload-1", ref: "main" };
    await storeRule(idp.issuerId, { projectId: other, environment: "production", claims });
    const { code } = isolate();
    expect(await code(await idp.sign(goodClaims(idp.issuer, { ref: "main" })))).toBe("ambiguous_identity");
    expect(await code(await idp.sign(goodClaims(idp.issuer, { ref: "dev" })))).toBe("ok");
  });
});

describe("our own issuer", () => {
  const iss = env.PUBLIC_ORIGIN;
  const claims = (overrides = {}) =>
    goodClaims(iss, {
      aud: iss,
      sub: "owner:team_1:project:prj_1",
      project_id: "prj_1",
      environment: "development",
      access_token_id: "developer",
      ...overrides,
    });
  beforeAll(() => storeAccessToken("developer"));

  test("a workload token of ours needs no registration and no fetch", async () => {
    const ours = await signer();
    const { call, own, state } = isolate();
    own.keys = [ours.publicJwk];
    const result = await call(await ours.sign(claims(), { typ: WORKLOAD_TOKEN_TYP }));
    expect(result).toMatchObject({ ok: true, value: { projectId: "prj_1", environment: "development", issuer: iss } });
    expect(state.fetches).toEqual([]);
  });

  test.each(["connect-webhook+jwt", "connect-authorization+jwt", "at+jwt", "JWT", undefined])(
    "B-17 our own token of type %s is no caller",
    async (typ) => {
      const ours = await signer();
      const { code, own } = isolate();
      own.keys = [ours.publicJwk];
      expect(await code(await ours.sign(claims(), { typ }))).toBe("token_type_not_allowed");
    },
  );

  test("B-17 our forward token, made for a destination, is not for us", async () => {
    const ours = await signer();
    const { code, own } = isolate();
    own.keys = [ours.publicJwk];
    const aud = "https://app.example.com";
    expect(await code(await ours.sign(claims({ aud }), { typ: WORKLOAD_TOKEN_TYP }))).toBe("audience_mismatch");
  });

  test("a token in our name that others signed, or that names no project, is refused", async () => {
    const [ours, mallory] = [await signer("ES256", "own"), await signer("ES256", "own")];
    const { code, own } = isolate();
    own.keys = [ours.publicJwk];
    const header = { typ: WORKLOAD_TOKEN_TYP };
    expect(await code(await mallory.sign(claims(), header))).toBe("token_signature_invalid");
    expect(await code(await mallory.sign(claims(), { ...header, kid: "x" }))).toBe("token_key_unknown");
    expect(await code(await ours.sign(claims({ project_id: undefined }), header))).toBe("token_claims_invalid");
    expect(await code(await ours.sign(claims({ environment: ["production"] }), header))).toBe("token_claims_invalid");
    expect(await code(await ours.sign(claims({ access_token_id: undefined }), header))).toBe("token_claims_invalid");
    expect(await code(await ours.sign(claims(), header))).toBe("ok");
  });
});

describe("the request", () => {
  test("B-16 20,000 brackets in a signed-looking token are refused before any look-up", async () => {
    const { code, state } = isolate();
    const deep = `${segment({ alg: "ES256" })}.${segment("[".repeat(5500))}.AAAA`;
    expect(await code(deep)).toBe("invalid_token_format");
    expect(state).toMatchObject({ dbCalls: 0, kvReads: 0 });
  });

  test("B-20 a good token in a forwarded header authenticates nobody, and does not disturb a good one", async () => {
    const idp = await trustedIssuer();
    const { deps } = isolate();
    const token = await idp.sign(goodClaims(idp.issuer));
    const forwarded = await authenticate(new Headers({ "x-vercel-oidc-token": token }), deps);
    expect(forwarded.ok ? "ok" : forwarded.failure.code).toBe("unauthorized");
    const both = await authenticate(
      new Headers({ authorization: `bearer ${token}`, "x-vercel-oidc-token": "nonsense" }),
      deps,
    );
    expect(both.ok).toBe(true);
  });

  test("failures carry no part of the token", async () => {
    const idp = await trustedIssuer();
    const { call } = isolate();
    const token = await idp.sign(goodClaims(idp.issuer, { sub: "a-very-private-subject" }));
    const result = await call(token);
    expect(result.ok).toBe(false);
    const text = JSON.stringify(result);
    for (const part of [...token.split("."), "a-very-private-subject"]) expect(text).not.toContain(part);
  });

  test("B-15 a registered key that is none refuses tokens, it does not break", async () => {
    const idp = await trustedIssuer();
    const broken = { ...idp.publicJwk, kid: "broken", x: "AAAA" };
    const issuer = `https://idp-${crypto.randomUUID()}.example.com`;
    await storeIssuer({ issuer, keys: [broken] });
    const { code } = isolate();
    expect(await code(await idp.sign(goodClaims(issuer), { kid: "broken" }))).toBe("token_signature_invalid");
  });
});
