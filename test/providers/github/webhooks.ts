import { createHmac, randomUUID } from "node:crypto";
import { isSent } from "./events.ts";
import type { Json } from "./http.ts";
import type { App } from "./records.ts";
import type { World } from "./world.ts";

const TIMEOUT_MS = 10_000;

export interface Delivery {
  /** `X-GitHub-Delivery`; a redelivery has the same. */
  guid: string;
  appId: number;
  event: string;
  /** Member of the payload; null where there is none. */
  action: string | null;
  url: string;
  headers: Record<string, string>;
  body: string;
  /** null while nobody has answered, or when nobody could be reached. */
  status: number | null;
}

/** Sends events to the apps' hook URLs and remembers what became of them. GitHub does not try again by itself. */
export class Webhooks {
  readonly deliveries: Delivery[] = [];
  readonly #world: World;
  readonly #running = new Set<Promise<unknown>>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Null where the app has no hook URL, or has not subscribed. `secret` signs in the place of the app's own. */
  async send(app: App, event: string, payload: Json, secret = app.webhookSecret): Promise<Delivery | null> {
    if (app.hookUrl === null || !isSent(app, event)) return null;
    const body = JSON.stringify(payload);
    const delivery: Delivery = {
      guid: randomUUID(),
      appId: app.id,
      event,
      action: typeof payload.action === "string" ? payload.action : null,
      url: app.hookUrl,
      headers: {},
      body,
      status: null,
    };
    delivery.headers = this.#headers(app, delivery, secret);
    return this.#post(delivery);
  }

  /** The same bytes once more. */
  async redeliver(guid: string): Promise<Delivery> {
    const before = this.deliveries.find((one) => one.guid === guid);
    if (before === undefined) throw new Error(`There was no delivery ${guid}.`);
    return this.#post({ ...before, status: null });
  }

  /** Resolves once nothing is under way. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #post(delivery: Delivery): Promise<Delivery> {
    this.deliveries.push(delivery);
    const { url, headers, body } = delivery;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const attempt = fetch(url, { method: "POST", headers, body, redirect: "manual", signal }).then(
      async (answer) => {
        delivery.status = answer.status;
        await answer.arrayBuffer();
      },
      () => undefined,
    );
    this.#running.add(attempt);
    await attempt.finally(() => this.#running.delete(attempt));
    return delivery;
  }

  /** https://docs.github.com/webhooks/webhook-events-and-payloads#delivery-headers */
  #headers(app: App, { guid, event, body }: Delivery, secret: string | null): Record<string, string> {
    const { ghes, web } = this.#world;
    const mac = (hash: string) =>
      `${hash}=${createHmac(hash, secret ?? "")
        .update(body)
        .digest("hex")}`;
    return {
      accept: "*/*",
      "content-type": "application/json",
      "user-agent": "GitHub-Hookshot/5f0a1c2",
      "x-github-delivery": guid,
      "x-github-event": event,
      "x-github-hook-id": String(app.hookId),
      "x-github-hook-installation-target-id": String(app.id),
      "x-github-hook-installation-target-type": "integration",
      ...(secret === null ? {} : { "x-hub-signature": mac("sha1"), "x-hub-signature-256": mac("sha256") }),
      ...(ghes ? { "x-github-enterprise-host": new URL(web).host, "x-github-enterprise-version": "3.20.1" } : {}),
    };
  }
}
