import type { Driver, GrantPolicy, IssuedAuthorization } from "../../src/catalog/driver.ts";
import type { ExchangeRequest, RefreshRequest } from "../../src/catalog/driver-requests.ts";
import { driverOf } from "../../src/catalog/registry.ts";
import { Secret } from "../../src/crypto/secret.ts";
import { type Failure, fail, ok, type Result } from "../../src/errors.ts";
import type { GrantDeps } from "../../src/grants/deps.ts";
import type { GrantObject } from "../../src/grants/grant.ts";
import type { GrantAuthorizationRequest } from "../../src/grants/protocol.ts";
import { grantWorld, LIFETIME_MS } from "./world.ts";

type Issued = Partial<Omit<IssuedAuthorization, "accessToken" | "refreshToken">> & {
  accessToken?: string;
  refreshToken?: string | null;
};
/** What the scripted provider does with one question: issues something, or fails. */
export type Scripted = Issued | Failure["code"] | Failure;

let users = 0;

/** One Grant of a user over a scripted driver that rotates its refresh token at every refresh. */
export async function userWorld(policy: Partial<GrantPolicy> = {}) {
  const world = await grantWorld({ type: "user", namespace: null, issuer: null, id: `ada-${++users}` });
  const script = {
    policy: {
      rotation: "strict",
      oldAccessTokenDies: false,
      revocationScope: "grant",
      codeLifetimeMs: 60_000,
      ...policy,
    } as GrantPolicy,
    kind: "redirect" as "redirect" | "pasted-key",
    /** Changes when the connector is pointed elsewhere. */
    provider: null as string | null,
    /** Refreshes under way at this very moment, and the most there ever were. */
    underWay: 0,
    mostUnderWay: 0,
    /** Refresh tokens that were presented, in order. */
    presented: [] as string[],
    refreshes: [] as RefreshRequest[],
    exchanges: [] as ExchangeRequest[],
    exchange: (_: ExchangeRequest): Scripted => ({}),
    refresh: (_: RefreshRequest): Scripted => ({}),
    /** The provider answers a refresh once this has settled. */
    held: Promise.resolve() as Promise<unknown>,
  };
  let issued = 0;
  const answer = (scripted: Scripted, scopes: string[], resources: string[]): Result<IssuedAuthorization> => {
    if (typeof scripted === "string") return fail(scripted);
    if ("code" in scripted) return { ok: false, failure: scripted };
    const number = ++issued;
    const { accessToken = `at-${number}`, refreshToken = `rt-${number}`, ...rest } = scripted;
    return ok({
      accessToken: Secret.of(accessToken),
      refreshToken: refreshToken === null ? null : Secret.of(refreshToken),
      expiresAtMs: world.nowMs + LIFETIME_MS,
      scopes,
      resources,
      authorizationDetails: [],
      static: false,
      externalSubject: null,
      claims: null,
      ...rest,
    });
  };
  const oauth = driverOf("oauth");
  if (oauth === null) throw new Error("there is no oauth driver");
  const driver: Driver = {
    ...oauth,
    provider: (config) => script.provider ?? oauth.provider(config),
    userAuthorization: () =>
      script.kind === "redirect"
        ? { kind: "redirect", policy: script.policy, issuer: null, sendsIssuer: false }
        : { kind: "pasted-key", instructions: null },
    exchange: async (request) => {
      world.asked.push(`exchange ${request.code.expose()}`);
      script.exchanges.push(request);
      const scripted = script.exchange(request);
      await script.held;
      return answer(scripted, request.group.scopes, request.group.resources);
    },
    refresh: async (request) => {
      const token = request.refreshToken.expose();
      world.asked.push(`refresh ${token}${request.narrow ? ` ${request.group.scopes.join(" ")}` : ""}`);
      script.presented.push(token);
      script.refreshes.push(request);
      script.underWay++;
      script.mostUnderWay = Math.max(script.mostUnderWay, script.underWay);
      try {
        const scripted = script.refresh(request);
        await script.held;
        return answer(scripted, request.narrow ? request.group.scopes : request.grantedScopes, request.group.resources);
      } finally {
        script.underWay--;
      }
    },
  };
  world.deps.driverOf = () => driver;

  let ordinals = 0;
  const authorization = (change: Partial<GrantAuthorizationRequest> = {}): GrantAuthorizationRequest => {
    const { teamId, identity, connector, linkId, scopeCeiling, group, revokedBeforeMs } = world.request();
    const ordinal = change.ordinal ?? ++ordinals;
    const credential = {
      kind: "code",
      code: `code-${ordinal}`,
      codeVerifier: "verifier",
      redirectUri: "https://connect.example.com/callback",
      nonce: "nonce",
    } as const;
    return {
      teamId,
      identity,
      connector,
      linkId,
      scopeCeiling,
      group,
      revokedBeforeMs,
      ordinal,
      credential,
      ...change,
    };
  };
  /** The first authorization, at the very beginning. */
  const authorized = async (grant: GrantObject, change: Partial<GrantAuthorizationRequest> = {}) => {
    const answered = await grant.authorize(authorization(change));
    if (!answered.ok) throw new Error(`refused: ${answered.failure.code} ${answered.failure.reason}`);
    return answered.value;
  };
  return Object.assign(world, { script, authorization, authorized });
}

export type UserWorld = Awaited<ReturnType<typeof userWorld>>;

/** The deps of a world with parts replaced, for one object. */
export function withDeps(world: UserWorld, replaced: Partial<GrantDeps>): GrantDeps {
  return { ...world.deps, ...replaced };
}
