import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { Trigger } from "../../src/sdk/triggers/index.ts";

/** The app's own endpoint for events, on this machine: it believes what `verifyTrigger` does. */
export interface EventReceiver {
  origin: string;
  /** What destinations at this path are known by, and how many requests it shall refuse at first. */
  expect(path: string, audience: string, failures?: number): void;
  /** The next event that was verified there; throws when none comes in time. */
  next(path: string): Promise<Received>;
  stop(): Promise<void>;
}

export interface Received {
  trigger: Trigger;
  headers: IncomingMessage["headers"];
}

const WAIT_MS = 20_000;
const LOOK_EVERY_MS = 10;

interface Place {
  audience: string;
  failures: number;
  received: Received[];
}

/** `issuer`: the deployment whose events are believed. */
export async function startEventReceiver(issuer: string): Promise<EventReceiver> {
  // By a variable path: the client has types of its own.
  const { TriggerError, verifyTrigger } = await import("../../src/sdk/triggers/index.ts");
  const places = new Map<string, Place>();

  async function receive(request: IncomingMessage, origin: string): Promise<number> {
    const place = places.get(request.url ?? "");
    if (place === undefined) return 404;
    if (place.failures > 0) {
      place.failures -= 1;
      return 503;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = "", headers } = request;
    const sent = new Request(origin + request.url, {
      method,
      headers: { authorization: headers.authorization ?? "" },
      body: Buffer.concat(chunks),
    });
    try {
      place.received.push({ trigger: await verifyTrigger(sent, { issuer, audience: place.audience }), headers });
      return 204;
    } catch (error) {
      return error instanceof TriggerError ? error.status : 500;
    }
  }

  const server = createServer(async (request, response) => {
    response.writeHead(await receive(request, origin)).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The receiver has no TCP address.");
  const origin = `http://127.0.0.1:${address.port}`;

  return {
    origin,
    expect: (path, audience, failures = 0) => places.set(path, { audience, failures, received: [] }),
    async next(path) {
      const deadlineMs = Date.now() + WAIT_MS;
      while (Date.now() < deadlineMs) {
        const received = places.get(path)?.received.shift();
        if (received !== undefined) return received;
        await new Promise((settle) => setTimeout(settle, LOOK_EVERY_MS));
      }
      throw new Error(`No verified event arrived at ${path}.`);
    },
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
