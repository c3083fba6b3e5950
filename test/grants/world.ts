import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { driverOf } from "../../src/catalog/registry.ts";
import { utf8 } from "../../src/crypto/bytes.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { fail, ok, type Result } from "../../src/errors.ts";
import type { ProviderOutcome } from "../../src/grants/connector-gate.ts";
import type { GrantDeps } from "../../src/grants/deps.ts";
import { GrantObject } from "../../src/grants/grant.ts";
import { grantName } from "../../src/grants/name.ts";
import type { GrantIdentity, GrantSubject, GrantTokenRequest, LeasedToken } from "../../src/grants/protocol.ts";
import { createLogger } from "../../src/log.ts";
import type { Point } from "../../src/metrics/metrics.ts";
import type { OutboundRequest } from "../../src/outbound/guarded-fetch.ts";
import { createOAuth, succeeded } from "../catalog/support.ts";
import { db, keys, seedConnector } from "../connectors/rows.ts";

/** So far ahead that the platform never comes to fire an alarm by itself. */
export const START_MS = Date.UTC(2126, 0, 1);
export const LIFETIME_MS = 3_600_000;

const saved = succeeded(
  await createOAuth({
    issuer: "https://as.example.com",
    token_endpoint: "https://as.example.com/token",
    revocation_endpoint: "https://as.example.com/revoke",
  }),
);

/** What a fake provider answers: a status and a body, or a failure of the guarded fetch. */
type Answer = { status: number; body: object } | Parameters<typeof fail>[0];

/** One Grant over its own SQLite, the database of this file, and a provider, a gate and a KV that are fakes. */
export async function grantWorld(subject: GrantSubject = { type: "app" }) {
  const connector = await seedConnector({ config: saved.config }, { clientSecret: "the-client-secret" });
  const identity: GrantIdentity = {
    connectorId: connector.id,
    installationId: null,
    subject,
    partition: "production",
  };
  const state = {
    nowMs: START_MS,
    /** Requests of the provider, as `token read` or `revoke at-1`. */
    asked: [] as string[],
    issue: (): Answer => ({
      status: 200,
      body: { access_token: `at-${++issued}`, token_type: "Bearer", expires_in: LIFETIME_MS / 1000 },
    }),
    revoke: (_: string): Answer => ({ status: 200, body: {} }),
    /** The provider answers once this has settled. */
    held: Promise.resolve(),
    /** The gate answers once this has settled. */
    gateHeld: Promise.resolve() as Promise<unknown>,
    permit: ok({ permit: "prm_1" }) as Result<{ permit: string }>,
    acquired: [] as object[],
    reports: [] as ProviderOutcome[],
    kv: [] as { key: string; ttlSeconds: number }[],
    lines: [] as string[],
    points: [] as Point[],
    ring: keys,
  };
  let issued = 0;

  const provider = async ({ url, body }: OutboundRequest) => {
    const parameters = new URLSearchParams(String(body));
    const isRevocation = url.endsWith("/revoke");
    const what = isRevocation ? `revoke ${parameters.get("token")}` : `token ${parameters.get("scope") ?? ""}`.trim();
    state.asked.push(what);
    const answer = isRevocation ? state.revoke(parameters.get("token") ?? "") : state.issue();
    await state.held;
    if (typeof answer === "string") return fail(answer);
    const headers = new Headers({ "content-type": "application/json" });
    return ok({ status: answer.status, headers, body: utf8(JSON.stringify(answer.body)) });
  };
  const gate = {
    acquire: async (request: object) => {
      state.acquired.push(request);
      await state.gateHeld;
      return state.permit;
    },
    report: async (_: string, outcome: ProviderOutcome) => void state.reports.push(outcome),
  };
  const deps: GrantDeps = {
    db,
    fetch: provider,
    urlPolicy: { ownHosts: [], allowLoopback: false },
    now: () => state.nowMs,
    randomBytes,
    log: createLogger((line) => state.lines.push(line)),
    metrics: { record: (point) => void state.points.push(point) },
    leases: {
      get: async (names) => names.map(() => null),
      put: async (key, _, ttlSeconds) => void state.kv.push({ key, ttlSeconds }),
    },
    keys: async () => state.ring,
    driverOf,
    // The methods that a Grant calls, without the stub around them.
    gate: () => gate as unknown as ReturnType<GrantDeps["gate"]>,
  };

  const request = (change: Partial<GrantTokenRequest> = {}): GrantTokenRequest => ({
    teamId: "team_test",
    identity,
    tenantId: null,
    connector: { type: "oauth", configRevision: 1, region: null, leaseSeconds: 60 },
    linkId: "lnk_1",
    scopeCeiling: null,
    groupId: "group",
    group: { scopes: ["read"], resources: [], audience: [], authorizationDetails: [] },
    narrow: true,
    snapshotVersion: "1",
    revokedBeforeMs: 0,
    validityBufferMs: 30_000,
    rejectedTokenId: null,
    leaseKey: null,
    ...change,
  });

  const name = await grantName(identity);
  /** Runs in the object; `restart` stands for one that woke up again. */
  function inside<T>(
    work: (
      grant: GrantObject,
      storage: DurableObjectStorage,
      restart: (replaced?: Partial<GrantDeps>) => GrantObject,
    ) => Promise<T>,
    replaced: Partial<GrantDeps> = {},
  ): Promise<T> {
    return runInDurableObject(env.GRANTS.getByName(name), (_, ctx) => {
      const restart = (more: Partial<GrantDeps> = {}) => new GrantObject(ctx, {}, { ...deps, ...replaced, ...more });
      return work(restart(), ctx.storage, restart);
    });
  }
  return Object.assign(state, { connector, identity, name, request, inside, deps });
}

/** The token of an answer, or the code of its failure. */
export function said(answer: Awaited<ReturnType<GrantObject["token"]>>): string {
  return answer.ok ? answer.value.token : answer.failure.code;
}

export function granted(answer: Awaited<ReturnType<GrantObject["token"]>>): LeasedToken {
  if (!answer.ok) throw new Error(`refused: ${answer.failure.code}`);
  return answer.value;
}

export const EVERYTHING = { revokedBeforeMs: null, linkId: null };

export function rows(storage: DurableObjectStorage, table: string): Record<string, SqlStorageValue>[] {
  return storage.sql.exec(`SELECT * FROM ${table}`).toArray();
}
