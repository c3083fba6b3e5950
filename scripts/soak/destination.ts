import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";

/** What became of one event at the destination. */
export interface Arrival {
  /** Times that it was taken with 200. */
  taken: number;
  /** The ids under which it came, taken or not. */
  eventIds: Set<string>;
  /** SHA-256 of what came, hex, each once. */
  hashes: Set<string>;
}

export interface SoakDestination {
  url: string;
  /** By the provider's id of the event. */
  arrivals: Map<string, Arrival>;
  attempts(): number;
  stop(): Promise<void>;
}

/** A destination that reads everything and then fails at random, in the ways that destinations do. */
export async function soakDestination(failing: number, random: () => number): Promise<SoakDestination> {
  const arrivals = new Map<string, Arrival>();
  let attempts = 0;
  const server: Server = createServer(async (request, response) => {
    attempts++;
    const digest = createHash("sha256");
    try {
      for await (const chunk of request) digest.update(chunk);
    } catch {
      // It was killed in the middle: nobody has heard of this attempt.
      return;
    }
    const arrival = arrivalOf(arrivals, request);
    arrival.hashes.add(digest.digest("hex"));
    if (random() >= failing) {
      arrival.taken++;
      response.writeHead(200).end();
    } else if (random() < 0.25) {
      response.destroy();
    } else {
      response.writeHead(random() < 0.5 ? 500 : 503).end("not now");
    }
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/events`,
    arrivals,
    attempts: () => attempts,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function arrivalOf(arrivals: Map<string, Arrival>, { headers }: IncomingMessage): Arrival {
  const id = String(headers["x-github-delivery"]);
  const arrival = arrivals.get(id) ?? { taken: 0, eventIds: new Set(), hashes: new Set() };
  arrival.eventIds.add(String(headers["webhook-id"]));
  arrivals.set(id, arrival);
  return arrival;
}
