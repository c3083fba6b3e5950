import { access, constants, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type FakeGitHub, startFakeGitHub } from "../../test/providers/github/github.ts";
import { request } from "../demo/api.ts";
import type { AuthorizationServer } from "../demo/authorization-server.ts";
import type { Bundles } from "./bundles.ts";
import { type Deployment, deploy, ORIGIN, tokenRequest } from "./deployment.ts";
import { type InstalledApp, installApp, sampleOf } from "./installed-app.ts";
import type { LoadProcess } from "./load-process.ts";
import { type Comparison, compare, type Effort } from "./measure.ts";
import type { WorkloadIssuer } from "./workload-issuer.ts";

/** How one connector fares that is installed in very many places, with many narrowed tokens of each. */
export interface InstallationsReport {
  installations: number;
  narrowings: number;
  /** Tokens that lie in the Grants while the rest is measured, and how long it took to have them minted. */
  present: number;
  mintedMs: number;
  /** Refusals meanwhile, which were asked again. */
  repeated: number;
  /** Pairs of an installation and a narrowing that are asked for in turn. */
  sampled: number;
  /** The narrowed tokens (product) beside one that is not (ceiling). */
  warm: Comparison;
  /** Time per request, narrowed ÷ not. */
  timeRatio: number;
  crowd: { callers: number; rounds: number; mints: number; errors: number; slowestMs: number };
  /** JWTs of the app that the provider saw, and for how long it was called. */
  assertions: { signed: number; minutes: number; allowed: number };
  list: { size: number; pages: number; asks: number; p50Ms: number; p99Ms: number };
  passed: boolean;
}

export const MAX_TIME_RATIO = 1.1;
export const MAX_LIST_MS = 20;
/** One signature serves for at least so long. */
export const SIGNED_EVERY_MINUTES = 5;
const SAMPLED = 1000;
const CALLERS = 200;
const CONNECTIONS = 50;
const PAGE = 100;
const LISTINGS = 1000;
/** Installations whose tokens are minted in one go: their Grants stay awake meanwhile. */
const AT_ONCE = 100;
/** What the provider issues lives for an hour. What was minted earlier does not count as present. */
const FRESH_MS = 50 * 60_000;
/** Of a go, because a connection may be reset now and then in so many calls of the provider. */
const TRIES = 5;
const FAILURE_REMEMBERED_MS = 2000;
const MEMORY = "/dev/shm";

export interface InstallationsBench {
  bundles: Bundles;
  scratch: string;
  issuer: WorkloadIssuer;
  load: LoadProcess;
  /** For the deployment's own connectors, of which it has none. */
  provider: AuthorizationServer;
  installations: number;
  narrowings: number;
  effort: Effort;
  /** Of callers who want the same new token. */
  crowds: number;
}

/** One deployment, its connector, and who calls it. */
interface World extends InstallationsBench {
  deployment: Deployment;
  github: FakeGitHub;
  app: InstalledApp;
}

export async function measureInstallations(bench: InstallationsBench): Promise<InstallationsReport> {
  const { bundles, scratch, provider, issuer, installations, narrowings } = bench;
  const inMemory = await access(MEMORY, constants.W_OK).then(
    () => true,
    () => false,
  );
  const storage = await mkdtemp(join(inMemory ? MEMORY : scratch, "valetkey-installations-"));
  const github = await startFakeGitHub();
  const options = { modulePath: bundles.product, scratch, provider, issuer, connectors: 0, leaseSeconds: 60, storage };
  const deployment = await deploy(options);
  try {
    const world = { ...bench, deployment, github, app: await installApp(deployment, github, installations) };
    // One was signed to see whether the key is the app's; another of the same second would be the same.
    await sleep(1000);
    const [signedBefore, startedMs] = [github.appJwts(), performance.now()];
    const { mintedMs, repeated, first } = await mintAll(world);
    const { warm, sampled } = await measureWarm(world, first);
    const crowd = await measureNewNarrowing(world);
    const minutes = (performance.now() - startedMs) / 60_000;
    const signed = github.appJwts() - signedBefore;
    const allowed = 1 + Math.floor(minutes / SIGNED_EVERY_MINUTES);
    const list = await measureList(world);
    const timeRatio = 1 / warm.ratio;
    return {
      installations,
      narrowings,
      present: (installations - first) * narrowings,
      mintedMs,
      repeated,
      sampled,
      warm,
      timeRatio,
      crowd,
      assertions: { signed, minutes, allowed },
      list,
      passed:
        timeRatio <= MAX_TIME_RATIO &&
        crowd.mints === crowd.rounds &&
        crowd.errors === 0 &&
        signed <= allowed &&
        list.p50Ms <= MAX_LIST_MS,
    };
  } finally {
    await deployment.worker.stop();
    await github.stop();
    await rm(storage, { recursive: true, force: true });
  }
}

/**
 * Every narrowing of every installation, through the API: how long it took, how many refusals had to be asked again, and
 * the first of the installations whose tokens have not grown old meanwhile.
 */
async function mintAll({ app, issuer, load, deployment, installations, narrowings }: World) {
  const { port } = deployment.worker;
  const startedMs = performance.now();
  const goes: { from: number; atMs: number }[] = [];
  let repeated = 0;
  for (let from = 0; from < installations; from += AT_ONCE) {
    goes.push({ from, atMs: performance.now() });
    // One for each go, since they end sooner than this does.
    const [token = ""] = issuer.tokens(1, ORIGIN);
    const some = Array.from({ length: Math.min(AT_ONCE, installations - from) }, (_, index) => from + index);
    const bodies = Array.from({ length: narrowings }, (_, number) => some.map((one) => app.body(one, number))).flat();
    const requests = bodies.map((body) => tokenRequest(app.path, token, body));
    const order = { port, requests, count: requests.length, connections: CONNECTIONS };
    for (let tries = 1; ; tries += 1) {
      const { refusal, statuses } = await load.run(order);
      if (refusal === null) break;
      if (tries === TRIES) throw new Error(`The Worker refused again and again: ${refusal}`);
      repeated += requests.length - (statuses["200"] ?? 0);
      // Meanwhile the failure is remembered. What was minted is not minted again.
      await sleep(FAILURE_REMEMBERED_MS);
    }
  }
  const endedMs = performance.now();
  const first = goes.find(({ atMs }) => endedMs - atMs < FRESH_MS)?.from ?? 0;
  return { mintedMs: endedMs - startedMs, repeated, first };
}

async function allAnswered(
  load: LoadProcess,
  order: { port: number; requests: string[]; connections: number },
): Promise<Float64Array> {
  const { refusal, latenciesMs } = await load.run({ ...order, count: order.requests.length });
  if (refusal !== null) throw new Error(`The Worker refused: ${refusal}`);
  return latenciesMs;
}

/** Tokens that are present, narrowed and not, from the same memory, in turn. */
async function measureWarm(world: World, first: number) {
  const { app, github, issuer, load, deployment, installations, narrowings, effort } = world;
  const { worker } = deployment;
  const [token = ""] = issuer.tokens(1, ORIGIN);
  const sample = sampleOf((installations - first) * narrowings, SAMPLED);
  const bodies = sample.map((pair) => app.body(first + Math.floor(pair / narrowings), pair % narrowings));
  const narrowed = bodies.map((body) => tokenRequest(app.path, token, body));
  const plain = [tokenRequest(app.path, token, app.body(0, null))];
  await allAnswered(load, { port: worker.port, requests: plain, connections: 1 });
  const minted = github.count("mint");
  // Warmed often enough that each is worth an entry in KV.
  const warmUp = Math.max(effort.warmUp, 3 * narrowed.length);
  const [ceiling, product] = [plain, narrowed].map((requests) => ({ worker, take: () => requests }));
  if (ceiling === undefined || product === undefined) throw new Error("There are two sides.");
  const warm = await compare(load, ceiling, product, { ...effort, warmUp });
  if (github.count("mint") > minted) throw new Error("Not all of the sampled tokens were present.");
  const answered = Object.values(warm.rungs).reduce((sum, count) => sum + count, 0);
  if ((warm.rungs.memory ?? 0) < 0.9 * answered) throw new Error("Too few of the warm answers came from memory.");
  return { warm, sampled: sample.length };
}

/** Many callers at once, each on a connection of its own, want a narrowing that nobody wanted before. */
async function measureNewNarrowing(world: World): Promise<InstallationsReport["crowd"]> {
  const { app, github, issuer, load, deployment, installations, narrowings, crowds } = world;
  const crowd = { callers: CALLERS, rounds: crowds, mints: 0, errors: 0, slowestMs: 0 };
  const [token = ""] = issuer.tokens(1, ORIGIN);
  for (let round = 0; round < crowds; round += 1) {
    const requests = [tokenRequest(app.path, token, app.body(round % installations, narrowings + round))];
    const before = github.count("mint");
    const order = { port: deployment.worker.port, requests, count: CALLERS, connections: CALLERS };
    const { statuses, latenciesMs } = await load.run(order);
    crowd.mints += github.count("mint") - before;
    crowd.errors += CALLERS - (statuses["200"] ?? 0);
    crowd.slowestMs = Math.max(crowd.slowestMs, latenciesMs.at(-1) ?? 0);
  }
  return crowd;
}

/** Every page of the list in turn, over one connection. */
async function measureList({ deployment, load }: World): Promise<InstallationsReport["list"]> {
  const { port } = deployment.worker;
  const token = deployment.owner;
  const pages: string[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const query: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const path = `/v1/connect/connectors/bench%2Fgithub/installations?limit=${PAGE}${query}`;
    const { value } = await request(`http://127.0.0.1:${port}`, { method: "GET", path, expect: 200, token });
    cursor = nextOf(value);
    if (cursor !== null || pages.length === 0) pages.push(listRequest(path, token));
  }
  const requests = Array.from({ length: LISTINGS }, (_, index) => pages[index % pages.length] ?? "");
  await allAnswered(load, { port, requests: requests.slice(0, LISTINGS / 5), connections: 1 });
  const sorted = await allAnswered(load, { port, requests, connections: 1 });
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
  return { size: PAGE, pages: pages.length, asks: LISTINGS, p50Ms: at(0.5), p99Ms: at(0.99) };
}

function nextOf(page: object): string | null {
  const { pagination } = page as { pagination: { next: string | null } };
  return pagination.next;
}

function listRequest(path: string, token: string): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `host: ${new URL(ORIGIN).host}`,
    `authorization: Bearer ${token}`,
    "user-agent: bench",
  ];
  return [...lines, "", ""].join("\r\n");
}
