import { once } from "node:events";
import { createServer } from "node:http";
import { buffer } from "node:stream/consumers";

/** One request as it came. */
export interface Received {
  url: string;
  headers: Record<string, string>;
  body: Buffer<ArrayBuffer>;
}

/** Where events are delivered: each path is a destination of its own. */
export interface Receiver {
  origin: string;
  /** What came to this path, the oldest first. */
  at(path: string): Received[];
  /** The next requests to this path get these statuses, those after them 204. */
  answer(path: string, statuses: readonly number[]): void;
  stop(): void;
}

/** A plain HTTP server on loopback that keeps what it gets, byte for byte. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const answers = new Map<string, number[]>();
  const server = createServer(async (request, response) => {
    const path = request.url ?? "/";
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]): [string, string] => [name, String(value)]),
    );
    received.push({ url: origin + path, headers, body: Buffer.from(await buffer(request)) });
    response.writeHead(answers.get(path)?.shift() ?? 204).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the receiver has no port");
  const origin = `http://127.0.0.1:${address.port}`;
  return {
    origin,
    at: (path) => received.filter(({ url }) => url === origin + path),
    answer(path, statuses) {
      answers.set(path, [...statuses]);
    },
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
