import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { text as readText } from "node:stream/consumers";
import { parseObject } from "./http.ts";

export interface Arrival {
  url: URL;
  headers: IncomingHttpHeaders;
}

/** The app that users come back to. */
export interface App {
  origin: string;
  returnUrl: string;
  webhook: string;
  /** Who opened which of its pages. */
  arrivals: Arrival[];
  /** What was posted to `webhook`; the body is `raw`, too, because its bytes are signed. */
  events: { headers: IncomingHttpHeaders; body: ReturnType<typeof parseObject>; raw: string }[];
  stop(): Promise<void>;
}

/** An app on loopback, with one page for every path. Its host is another site than that of 127.0.0.1. */
export async function startApp(host: "127.0.0.1" | "localhost" = "127.0.0.1"): Promise<App> {
  const arrivals: App["arrivals"] = [];
  const events: App["events"] = [];
  const server = createServer(async (request, response) => {
    if (request.method === "POST") {
      const raw = await readText(request);
      events.push({ headers: request.headers, body: parseObject(raw), raw });
      response.writeHead(204).end();
      return;
    }
    const url = new URL(request.url ?? "/", origin);
    if (url.pathname !== "/favicon.ico") arrivals.push({ url, headers: request.headers });
    response.writeHead(200, { "content-type": "text/html" });
    response.end('<!doctype html><html lang="en"><title>The app</title><h1>Welcome back</h1></html>');
  });
  server.listen(0, host);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the app has no port");
  const origin = `http://${host}:${address.port}`;
  return {
    origin,
    returnUrl: `${origin}/connected?tab=1`,
    webhook: `${origin}/hook`,
    arrivals,
    events,
    async stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
