import { access, constants, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BACKGROUND_PERMITS } from "../../src/grants/background-queue.ts";
import { request, text } from "../demo/api.ts";
import type { AuthorizationServer } from "../demo/authorization-server.ts";
import type { Bundles } from "./bundles.ts";
import { deploy } from "./deployment.ts";
import { AHEAD_MS, type FloodProvider, LATENCY_MS, LIFETIME_MS, startFloodProvider } from "./flood-provider.ts";
import type { WorkloadIssuer } from "./workload-issuer.ts";

/** How a connector's grants were refreshed that were all due at once, and what somebody saw who waited meanwhile. */
export interface FloodReport {
  grants: number;
  /** Refreshed before their tokens ended, though nobody asked. */
  refreshed: number;
  /** Refreshes in each span of `SPAN_MS`, from when the first were due. */
  perSpan: number[];
  /** Calls of the provider under way at once, counted as each began: share by number. */
  underWay: Record<number, number>;
  permits: number;
  providerMs: number;
  /** Of a caller with another grant's expired token, every `ASK_EVERY_MS`: before, and from the flood's begin to its end. */
  quiet: Latencies;
  flooded: Latencies;
  /** Spent refresh tokens that the provider saw. */
  reuses: number;
  passed: boolean;
}

export interface Latencies {
  asks: number;
  errors: number;
  p50Ms: number;
  p99Ms: number;
  slowestMs: number;
}

export const SPAN_MS = 10_000;
export const ASK_EVERY_MS = 100;
/** A caller who waits, beyond what the provider takes. */
export const TARGET_MS = 250;
const BATCH = 50;
const QUIET_MS = 10_000;
/** From the last authorization to the flood, in which objects fall asleep. */
const LEAD_MS = 20_000;
/** Kept in memory, where there is such a directory: see docs/performance.md. */
const MEMORY = "/dev/shm";

export interface FloodBench {
  bundles: Bundles;
  scratch: string;
  issuer: WorkloadIssuer;
  /** For the deployment's own connectors, of which it has none. */
  provider: AuthorizationServer;
  grants: number;
}

export async function measureFlood({ bundles, scratch, issuer, provider, grants }: FloodBench): Promise<FloodReport> {
  const upstream = await startFloodProvider();
  const inMemory = await access(MEMORY, constants.W_OK).then(
    () => true,
    () => false,
  );
  const storage = await mkdtemp(join(inMemory ? MEMORY : scratch, "valetkey-flood-"));
  const options = { modulePath: bundles.flood, scratch, provider, issuer, connectors: 0, leaseSeconds: 60, storage };
  const deployment = await deploy(options);
  const origin = `http://127.0.0.1:${deployment.worker.port}`;
  try {
    const body = { type: "oauth", uid: "bench/flood", name: "Flood", data: connectorData(upstream.origin) };
    const call = {
      method: "POST",
      path: "/v1/connect/connectors",
      token: deployment.owner,
      body,
      expect: 201,
    } as const;
    const connectorId = text((await request(origin, call)).value, "id");
    const team = await deployment.database.prepare("SELECT id FROM team").first<{ id: string }>();
    const users = usersOf(origin, { teamId: team?.id ?? "", connectorId });

    const lateCount = Math.ceil((QUIET_MS + AHEAD_MS) / ASK_EVERY_MS);
    const lateMs = await users.authorize("late", grants, lateCount);
    const dueFromMs = Math.ceil(Date.now() + (lateMs / lateCount) * grants * 1.5 + LEAD_MS);
    await users.authorize("ahead", 0, grants, dueFromMs - (LIFETIME_MS - AHEAD_MS));
    if (Date.now() > dueFromMs - QUIET_MS) throw new Error("The authorizations took longer than they were given.");
    await sleep(dueFromMs - QUIET_MS - Date.now());
    const flood = { grants, dueFromMs };
    return reportOf(flood, upstream, await watchFlood(users, upstream, { grants, lateCount }));
  } finally {
    await deployment.worker.stop();
    await upstream.stop();
    await rm(storage, { recursive: true, force: true });
  }
}

interface Ask {
  atMs: number;
  latencyMs: number;
  isOk: boolean;
}

/** Asks for one late token after the other, from before the flood until it is over. */
async function watchFlood(
  users: Users,
  upstream: FloodProvider,
  { grants, lateCount }: { grants: number; lateCount: number },
): Promise<Ask[]> {
  const asks: Promise<Ask>[] = [];
  for (let user = grants; user < grants + lateCount && upstream.arrivedAtMs.length < grants; user += 1) {
    asks.push(users.ask(user));
    await sleep(ASK_EVERY_MS);
  }
  return Promise.all(asks);
}

function reportOf(
  { grants, dueFromMs }: { grants: number; dueFromMs: number },
  { arrivedAtMs, underWay, reuses }: FloodProvider,
  asks: Ask[],
): FloodReport {
  const perSpan: number[] = [];
  for (const atMs of arrivedAtMs) {
    const span = Math.max(Math.floor((atMs - dueFromMs) / SPAN_MS), 0);
    perSpan[span] = (perSpan[span] ?? 0) + 1;
  }
  const quiet = latenciesOf(asks.filter(({ atMs }) => atMs < dueFromMs));
  const flooded = latenciesOf(asks.filter(({ atMs }) => atMs >= dueFromMs));
  const refreshed = arrivedAtMs.length;
  const isInTime = flooded.p99Ms <= LATENCY_MS + TARGET_MS && quiet.errors + flooded.errors === 0;
  const counts = Object.entries(underWay).map(([number, count]) => [Number(number), count / refreshed] as const);
  return {
    grants,
    refreshed,
    perSpan: Array.from(perSpan, (count) => count ?? 0),
    underWay: Object.fromEntries(counts),
    permits: BACKGROUND_PERMITS,
    providerMs: LATENCY_MS,
    quiet,
    flooded,
    reuses,
    passed: refreshed === grants && reuses === 0 && underWay.length <= BACKGROUND_PERMITS + 1 && isInTime,
  };
}

function latenciesOf(asks: Ask[]): Latencies {
  const sorted = asks.map(({ latencyMs }) => latencyMs).toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  const errors = asks.filter(({ isOk }) => !isOk).length;
  return { asks: asks.length, errors, p50Ms: at(0.5), p99Ms: at(0.99), slowestMs: sorted.at(-1) ?? 0 };
}

type Users = ReturnType<typeof usersOf>;

function usersOf(origin: string, of: { teamId: string; connectorId: string }) {
  const post = (path: string, body: object) =>
    fetch(origin + path, { method: "POST", body: JSON.stringify({ ...of, ...body }) });
  return {
    /** `atMs`: when they did, by the clock of their Grants. How long it took (ms). */
    async authorize(kind: "ahead" | "late", first: number, count: number, atMs?: number): Promise<number> {
      const startedMs = performance.now();
      for (let from = first; from < first + count; from += BATCH) {
        const agoMs = atMs === undefined ? 0 : Date.now() - atMs;
        const order = { kind, from, count: Math.min(BATCH, first + count - from), agoMs };
        const answer = await post("/flood/authorize", order);
        if (answer.status !== 200) throw new Error(`Nobody could authorize: ${await answer.text()}`);
      }
      return performance.now() - startedMs;
    },
    async ask(user: number): Promise<Ask> {
      const [atMs, startedMs] = [Date.now(), performance.now()];
      const answer = await post("/flood/ask", { kind: "late", from: user, count: 1, agoMs: 0 });
      await answer.arrayBuffer();
      return { atMs, latencyMs: performance.now() - startedMs, isOk: answer.status === 200 };
    },
  };
}

function connectorData(origin: string) {
  return {
    clientId: "bench",
    clientSecret: "the-secret-of-the-bench",
    serverConfig: {
      issuer: origin,
      authorization_endpoint: `${origin}/authorize`,
      token_endpoint: `${origin}/token`,
    },
    userAuthorization: { enabled: true, scopes: ["read"] },
    refreshTokens: { enabled: true },
    grantPolicy: { rotation: "strict" },
  };
}
