import { createHmac } from "node:crypto";
import { type Call, request, text } from "../demo/api.ts";
import { bootWorker } from "./boot.ts";
import { deploy, ORIGIN } from "./deployment.ts";
import type { Side } from "./measure.ts";
import type { Bench } from "./rows.ts";

const SECRET = "a webhook secret of the benchmark";

/** About what a push to a repository weighs. */
const BODY = JSON.stringify({
  ref: "refs/heads/main",
  installation: { id: 4_711 },
  repository: { id: 1, full_name: "acme/reports" },
  commits: Array.from({ length: 20 }, (_, index) => {
    return {
      id: `${index}`.repeat(40).slice(0, 40),
      message: "Correct the totals of the quarterly report",
      added: [],
      removed: [],
    };
  }),
});

/**
 * The acknowledgement of a signed webhook, against a Worker that reads the same body and sends it to a queue. Neither
 * has a consumer: what becomes of an event later has no part in how soon its provider is answered.
 */
export async function acknowledgements({
  bundles,
  scratch,
  provider,
  issuer,
}: Bench): Promise<{ ceiling: Side; product: Side }> {
  const options = { scratch, provider, issuer, connectors: 1, leaseSeconds: 60, consumers: false };
  const { worker, owner } = await deploy({ ...options, modulePath: bundles.product });
  const call: Call = {
    method: "PUT",
    path: "/v1/connect/connectors/bench%2F0/triggers",
    body: { enabled: true, provider: "github", secrets: [SECRET] },
    expect: 200,
    token: owner,
  };
  const { value } = await request(`http://127.0.0.1:${worker.port}`, call);
  const { pathname } = new URL(text(value, "ingressUrl"));
  const ceiling = await bootWorker(bundles.ceiling, { ANSWER: "{}" }, scratch, { consumers: false });
  return {
    ceiling: { worker: ceiling, take: () => [delivery("/ack/0")] },
    product: { worker, take: () => [delivery(pathname)] },
  };
}

/** As GitHub sends it. The same one again and again: repeats are told apart behind the queue. */
function delivery(path: string): string {
  return [
    `POST ${path} HTTP/1.1`,
    `host: ${new URL(ORIGIN).host}`,
    "user-agent: GitHub-Hookshot/bench",
    "accept: */*",
    "content-type: application/json",
    "x-github-delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958",
    "x-github-event: push",
    "x-github-hook-id: 292430182",
    `x-hub-signature-256: sha256=${createHmac("sha256", SECRET).update(BODY).digest("hex")}`,
    `content-length: ${BODY.length}`,
    "",
    BODY,
  ].join("\r\n");
}
