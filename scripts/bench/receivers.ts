import { createServer, type Server } from "node:http";

export interface Receivers {
  urls: string[];
  /** Of each event at each healthy one: how long after it was sent it arrived (ms). */
  delaysMs: number[];
  /** Attempts, repeats included. */
  arrivals(): number;
  /** Of the last arrival. */
  lastAtMs(): number;
  stop(): void;
}

/** Destinations on this machine, `dead` of which take a connection and never answer; those come last. */
export async function startReceivers(healthy: number, dead: number): Promise<Receivers> {
  const delaysMs: number[] = [];
  let arrivals = 0;
  let lastAtMs = 0;
  const servers = Array.from({ length: healthy + dead }, (_, index) =>
    createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      request.on("end", () => {
        if (index >= healthy) return;
        lastAtMs = performance.now();
        arrivals += 1;
        delaysMs.push(lastAtMs - Number(JSON.parse(body).sentAtMs));
        response.writeHead(204).end();
      });
    }),
  );
  const urls = await Promise.all(servers.map(listen));
  const stop = () => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  };
  return { urls, delaysMs, arrivals: () => arrivals, lastAtMs: () => lastAtMs, stop };
}

function listen(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") return reject(new Error("no port"));
      resolve(`http://127.0.0.1:${address.port}/events`);
    });
  });
}
