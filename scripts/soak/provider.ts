import { createHash, createHmac } from "node:crypto";
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

export interface SentEvent {
  /** The provider's id. */
  id: string;
  body: Buffer;
}

/** An event as GitHub sends it, of at least that many bytes. */
export function eventNumber(number: number, bytes = 0): SentEvent {
  const content = {
    action: "opened",
    number,
    installation: { id: number % 64 },
    pull_request: { title: `#${number}` },
  };
  const body = JSON.stringify({ ...content, pad: "x".repeat(Math.max(0, bytes - JSON.stringify(content).length)) });
  const id = createHash("sha256").update(`event ${number} of ${bytes}`).digest("hex").slice(0, 32);
  return { id, body: Buffer.from(body) };
}

export interface Sender {
  /** Resolves once it was acknowledged: sent again after a failure, for as long as it takes. */
  send(event: SentEvent): Promise<void>;
  /** Sent again because nothing came back, or a refusal. */
  resent(): number;
  stop(): void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
const TIMEOUT_MS = 30_000;

/** A provider that signs, and that gives up on no event. */
export function soakSender(url: () => string, secret: string): Sender {
  const agent = new Agent({ keepAlive: true, maxSockets: 100 });
  let resent = 0;
  return {
    async send(event) {
      for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
        const status = await post(url(), event, secret, agent);
        if (status !== null && status < 300) return;
        if (status !== null && status < 500 && status !== 429) throw new Error(`The ingress answered ${status}.`);
        resent++;
        await sleep(pauseMs);
      }
    },
    resent: () => resent,
    stop: () => agent.destroy(),
  };
}

/** The status; null = no answer. */
async function post(url: string, { id, body }: SentEvent, secret: string, agent: Agent): Promise<number | null> {
  const headers = {
    "content-type": "application/json",
    "content-length": body.length,
    "x-github-delivery": id,
    "x-github-event": "pull_request",
    "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
  };
  return new Promise((resolve) => {
    const sent = request(url, { method: "POST", agent, headers, timeout: TIMEOUT_MS }, (answer) => {
      answer.resume().once("end", () => resolve(answer.statusCode ?? null));
      answer.once("error", () => resolve(null));
      answer.once("aborted", () => resolve(null));
    });
    sent.once("timeout", () => sent.destroy());
    sent.once("error", () => resolve(null));
    sent.end(body);
  });
}
