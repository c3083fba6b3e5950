import { once } from "node:events";
import { createServer } from "node:http";
import { text as readText } from "node:stream/consumers";

/** Whose tokens end when the flood is to come, or have ended when somebody asks. */
export type Kind = "ahead" | "late";

export interface FloodProvider {
  origin: string;
  /** When refreshes of `ahead` arrived. */
  arrivedAtMs: number[];
  /** How many of those were under way at once, counted at each arrival: by that number. */
  underWay: number[];
  /** Refreshes with a spent token. */
  reuses: number;
  stop(): Promise<void>;
}

/** How long it thinks about each request. */
export const LATENCY_MS = 20;
/** Of tokens. An hour is what most providers give. */
export const LIFETIME_MS = 3_600_000;
/** From so long before its end on a token is refreshed (`refreshAheadAt`), with jitter over half of that. */
export const AHEAD_MS = 300_000;
const LATE_S = 1;

/** A token endpoint that rotates strictly. A code is `kind.user`; tokens say whose they are and the how manieth. */
export async function startFloodProvider(): Promise<FloodProvider> {
  const server = createServer(async (request, response) => {
    const parameters = new URLSearchParams(await readText(request));
    const isRefresh = parameters.get("grant_type") === "refresh_token";
    const presented = parameters.get(isRefresh ? "refresh_token" : "code") ?? "";
    const [kind, user, count = "0"] = presented.split(".");
    const isAhead = isRefresh && kind === "ahead";
    if (isAhead) {
      provider.arrivedAtMs.push(Date.now());
      active += 1;
      provider.underWay[active] = (provider.underWay[active] ?? 0) + 1;
    }
    await new Promise((resolve) => setTimeout(resolve, LATENCY_MS));
    if (isAhead) active -= 1;
    const whose = `${kind}.${user}`;
    const isSpent = isRefresh && latest.get(whose) !== Number(count);
    if (isSpent) provider.reuses += 1;
    const next = Number(count) + 1;
    latest.set(whose, next);
    const answer = { access_token: `at.${whose}.${next}`, token_type: "Bearer", refresh_token: `${whose}.${next}` };
    const expiresIn = !isRefresh && kind === "late" ? LATE_S : LIFETIME_MS / 1000;
    response.writeHead(isSpent ? 400 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(isSpent ? { error: "invalid_grant" } : { ...answer, expires_in: expiresIn }));
  });
  let active = 0;
  const latest = new Map<string, number>();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The provider has no TCP address.");
  const provider: FloodProvider = {
    origin: `http://127.0.0.1:${address.port}`,
    arrivedAtMs: [],
    underWay: [],
    reuses: 0,
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return provider;
}
