import { request } from "node:http";
import type { AuthorizationServer } from "../demo/authorization-server.ts";
import { bootWorker } from "./boot.ts";
import type { Bundles } from "./bundles.ts";
import { addSilentConnectors, type Deployment, deploy, ORIGIN, tokenPath, tokenRequest } from "./deployment.ts";
import type { Effort, Side } from "./measure.ts";
import { acknowledgements } from "./webhooks.ts";
import { ISSUER, type WorkloadIssuer } from "./workload-issuer.ts";

export interface Row {
  id: string;
  name: string;
  ceilingName: string;
  target: number;
  /** Which rung must answer, or what a webhook must be found to be; else the row is another one. */
  rung: "memory" | "kv" | "grant" | "event";
  prepare(bench: Bench, effort: Effort): Promise<{ ceiling: Side; product: Side }>;
}

export interface Bench {
  bundles: Bundles;
  scratch: string;
  provider: AuthorizationServer;
  issuer: WorkloadIssuer;
}

/** Connectors that the load goes to, in turn. */
const LOADED = 10;
/** More than the load has connections, so that no two requests under way want the same one. */
const KV_CONNECTORS = 100;
const MANY = 100_000;

export const ROWS: readonly Row[] = [
  {
    id: "memory",
    name: "warm from memory, JWT seen before",
    ceilingName: "bare POST + JSON",
    target: 0.6,
    rung: "memory",
    prepare: (bench) => againstCeiling(bench, { path: "bare" }),
  },
  {
    id: "new-jwt",
    name: "warm from memory, JWT never seen",
    ceilingName: "+ one RS256 verification",
    target: 0.7,
    rung: "memory",
    prepare: (bench, effort) => againstCeiling(bench, { path: "verify", newTokens: tokensOf(effort) }),
  },
  {
    id: "kv",
    name: "warm from KV, memory off",
    ceilingName: "+ one KV read of two keys",
    target: 0.7,
    rung: "kv",
    prepare: (bench) => againstCeiling(bench, { path: "kv", kvOnly: true, connectors: KV_CONNECTORS }),
  },
  {
    id: "grant",
    name: "through the Grant, lease 0",
    ceilingName: "+ one object call (and a rate-limit count in ten)",
    target: 0.6,
    rung: "grant",
    prepare: (bench) => againstCeiling(bench, { path: "object", leaseSeconds: 0 }),
  },
  {
    id: "many",
    name: "warm from memory, 100,000 connectors and links",
    ceilingName: "the same with 10",
    target: 0.95,
    rung: "memory",
    prepare: manyAgainstFew,
  },
  {
    id: "webhook",
    name: "a signed webhook, acknowledged",
    ceilingName: "+ reading the body and one queue send",
    target: 0.6,
    rung: "event",
    prepare: acknowledgements,
  },
];

interface Variant {
  /** Of the ceiling. */
  path: string;
  /** A token of its own for each of so many requests; else one for all. */
  newTokens?: number;
  kvOnly?: boolean;
  connectors?: number;
  leaseSeconds?: number;
}

async function againstCeiling(bench: Bench, variant: Variant): Promise<{ ceiling: Side; product: Side }> {
  const { bundles, scratch, issuer, provider } = bench;
  const { connectors = LOADED, leaseSeconds = 60, newTokens } = variant;
  const modulePath = variant.kvOnly === true ? bundles.kvOnly : bundles.product;
  const deployment = await deploy({ modulePath, scratch, provider, issuer, connectors, leaseSeconds });
  const answer = await heat(deployment, issuer);
  const vars = { ISSUER_JWK: JSON.stringify(issuer.publicJwk), ISSUER, AUDIENCE: ORIGIN, ANSWER: answer };
  const ceilingWorker = await bootWorker(bundles.ceiling, vars, scratch);
  const leases = await ceilingWorker.miniflare.getKVNamespace("LEASES");
  for (const index of deployment.uids.keys()) {
    await leases.put(`snapshot/${index}`, SNAPSHOT_SIZED);
    await leases.put(`token/${index}`, answer);
  }
  const tokens = issuer.tokens(newTokens ?? 1, ORIGIN);
  const productPaths = deployment.uids.map(tokenPath);
  const ceilingPaths = [...deployment.uids.keys()].map((index) => `/${variant.path}/${index}`);
  return {
    ceiling: { worker: ceilingWorker, take: requestsOf(ceilingPaths, tokens) },
    product: { worker: deployment.worker, take: requestsOf(productPaths, tokens) },
  };
}

async function manyAgainstFew({
  bundles,
  scratch,
  provider,
  issuer,
}: Bench): Promise<{ ceiling: Side; product: Side }> {
  const tokens = issuer.tokens(1, ORIGIN);
  const sideWith = async (silent: number): Promise<Side> => {
    const options = { modulePath: bundles.product, scratch, provider, issuer, connectors: LOADED, leaseSeconds: 60 };
    const deployment = await deploy(options);
    if (silent > 0) await addSilentConnectors(deployment.database, silent);
    await heat(deployment, issuer);
    return { worker: deployment.worker, take: requestsOf(deployment.uids.map(tokenPath), tokens) };
  };
  return { ceiling: await sideWith(0), product: await sideWith(MANY - LOADED) };
}

/** About what the sealed snapshot of an `oauth` connector takes. */
const SNAPSHOT_SIZED = "s".repeat(3000);

/** One token for all requests, or the next unused one for each; paths in turn. */
function requestsOf(paths: string[], tokens: string[]): Side["take"] {
  const [only = ""] = tokens;
  if (tokens.length === 1) return () => paths.map((path) => tokenRequest(path, only));
  let used = 0;
  return (count) => {
    if (used + count > tokens.length) throw new Error("There are fewer tokens than requests.");
    const taken = tokens.slice(used, used + count);
    used += count;
    return taken.map((token, index) => tokenRequest(paths[index % paths.length] ?? "", token));
  };
}

function tokensOf({ rounds, requests, warmUp }: Effort): number {
  return warmUp + rounds * requests;
}

/** Ask for every connector's token often enough that it is worth a KV entry. Returns the body of one answer. */
async function heat({ worker, uids }: Deployment, issuer: WorkloadIssuer): Promise<string> {
  const [token = ""] = issuer.tokens(1, ORIGIN);
  let answer = "";
  for (const path of uids.map(tokenPath)) {
    for (let ask = 0; ask < 3; ask += 1) answer = await askForToken(worker.port, path, token);
  }
  return answer;
}

function askForToken(port: number, path: string, token: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "cache-control": "no-cache",
    };
    const call = request({ host: "127.0.0.1", port, path, method: "POST", headers }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => {
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(`${path} answered ${response.statusCode}: ${body}`));
      });
    });
    call.on("error", reject).end("{}");
  });
}
