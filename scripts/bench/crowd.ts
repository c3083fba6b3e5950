import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { startAuthorizationServer } from "../demo/authorization-server.ts";
import { bootWorker } from "./boot.ts";
import type { Bundles } from "./bundles.ts";
import { deploy, tokenPath, tokenRequest } from "./deployment.ts";
import type { LoadProcess } from "./load-process.ts";
import { median } from "./measure.ts";
import { connectUsers, freePort, userAuthorizes } from "./users.ts";
import { ISSUER, type WorkloadIssuer } from "./workload-issuer.ts";

/** How so many callers fared who asked at the same moment for the one expired token of a user. */
export interface CrowdReport {
  id: string;
  callers: number;
  rounds: number;
  /** Medians and the worst over the rounds, in milliseconds. */
  slowestMs: { median: number; worst: number };
  /** How long the provider worked on the refresh. */
  providerMs: number;
  /** The slowest caller minus the provider's own time, likewise. */
  overheadMs: { median: number; worst: number };
  /** The slowest of as many bare object calls. */
  bareMs: number;
  /** At the provider, in all rounds; the target is one each. */
  refreshes: number;
  errors: number;
  targetMs: number | null;
  passed: boolean;
}

/** Access tokens live so long; who wants an expired one has to wait. */
const LIFETIME_MS = 5_000;
const CROWDS = [
  { id: "crowd-200", callers: 200, targetMs: 250 },
  { id: "crowd-1000", callers: 1_000, targetMs: null },
];

export interface CrowdBench {
  bundles: Bundles;
  scratch: string;
  issuer: WorkloadIssuer;
  load: LoadProcess;
  rounds: number;
  isWanted(id: string): boolean;
}

/**
 * Many callers at once want a token that has just expired, from a provider (oidc-provider) that rotates refresh tokens
 * and ends everything when a spent one comes. `leaseSeconds` is 0: every caller reaches the Grant object.
 */
export async function measureCrowds(bench: CrowdBench): Promise<CrowdReport[]> {
  const wanted = CROWDS.filter(({ id }) => bench.isWanted(id));
  if (wanted.length === 0) return [];
  const { bundles, scratch, issuer } = bench;
  const provider = await startAuthorizationServer({ rotation: "strict", userTtlSeconds: LIFETIME_MS / 1000 });
  const port = await freePort();
  const options = { modulePath: bundles.product, scratch, provider, issuer, connectors: 0, leaseSeconds: 0, port };
  const deployment = await deploy(options);
  const answer = '{"token":"token","expiresAt":1}'.padEnd(600);
  const vars = { ISSUER_JWK: JSON.stringify(issuer.publicJwk), ISSUER, AUDIENCE: deployment.origin, ANSWER: answer };
  const bare = await bootWorker(bundles.ceiling, vars, scratch);
  const watch = watchTokenEndpoint();
  try {
    const [token = ""] = issuer.tokens(1, deployment.origin);
    await connectUsers(deployment, provider, "bench/users", 0);
    await userAuthorizes(deployment, "bench/users", "ada", token);
    const crowd = tokenRequest(tokenPath("bench/users"), token, '{"subject":{"type":"user","id":"ada"}}');
    const call = tokenRequest("/object/0", token);
    const send = (to: number, wire: string, callers: number) =>
      bench.load.run({ port: to, requests: [wire], count: callers, connections: callers });
    const reports: CrowdReport[] = [];
    for (const { id, callers, targetMs } of wanted) {
      // The first of each is for the compiler.
      const rounds = [];
      for (let round = 0; round <= bench.rounds; round += 1) {
        // Who was given a token has it refreshed ahead, once.
        await sleep(2 * LIFETIME_MS + 500);
        const before = provider.requests();
        const product = await send(port, crowd, callers);
        const { refreshes, reuses } = provider.requests();
        const { latenciesMs } = await send(bare.port, call, callers);
        if (reuses > 0) throw new Error("A spent refresh token was presented.");
        rounds.push({
          slowestMs: product.latenciesMs.at(-1) ?? 0,
          bareMs: latenciesMs.at(-1) ?? 0,
          providerMs: watch.lastMs(),
          refreshes: refreshes - before.refreshes,
          errors: callers - (product.statuses["200"] ?? 0),
        });
      }
      reports.push(reportOf({ id, callers, targetMs }, rounds.slice(1)));
    }
    return reports;
  } finally {
    watch.stop();
    await deployment.worker.stop();
    await bare.stop();
    await provider.stop();
  }
}

interface Round {
  slowestMs: number;
  bareMs: number;
  providerMs: number;
  refreshes: number;
  errors: number;
}

function reportOf({ id, callers, targetMs }: (typeof CROWDS)[number], rounds: Round[]): CrowdReport {
  const of = (pick: (round: Round) => number) => rounds.map(pick);
  const sum = (pick: (round: Round) => number) => of(pick).reduce((total, value) => total + value, 0);
  const spread = (pick: (round: Round) => number) => ({ median: median(of(pick)), worst: Math.max(...of(pick)) });
  const overheadMs = spread(({ slowestMs, providerMs }) => slowestMs - providerMs);
  const [refreshes, errors] = [sum((round) => round.refreshes), sum((round) => round.errors)];
  const isFast = targetMs === null || overheadMs.median <= targetMs;
  return {
    id,
    callers,
    rounds: rounds.length,
    slowestMs: spread(({ slowestMs }) => slowestMs),
    providerMs: median(of(({ providerMs }) => providerMs)),
    overheadMs,
    bareMs: median(of(({ bareMs }) => bareMs)),
    refreshes,
    errors,
    targetMs,
    passed: isFast && errors === 0 && refreshes === rounds.length,
  };
}

/** How long this process's own HTTP servers worked on the latest request to a token endpoint. */
function watchTokenEndpoint(): { lastMs(): number; stop(): void } {
  const startedMs = new WeakMap<IncomingMessage, number>();
  let lastMs = 0;
  const onStart = (message: unknown) => {
    const { request } = message as { request: IncomingMessage };
    if (request.method === "POST" && request.url === "/token") startedMs.set(request, performance.now());
  };
  const onFinish = (message: unknown) => {
    const at = startedMs.get((message as { request: IncomingMessage }).request);
    if (at !== undefined) lastMs = performance.now() - at;
  };
  subscribe("http.server.request.start", onStart);
  subscribe("http.server.response.finish", onFinish);
  return {
    lastMs: () => lastMs,
    stop() {
      unsubscribe("http.server.request.start", onStart);
      unsubscribe("http.server.response.finish", onFinish);
    },
  };
}
