import { createConnectClient } from "../../src/sdk/client.ts";

export interface ClientFigures {
  getTokenUs: number;
  /** The same number of awaited look-ups in a bare map. */
  mapGetUs: number;
}

const CALLS = 200_000;

/** What a warm `getToken` of the client costs; its one answer comes from a function, so nothing is called. */
export async function measureClient(): Promise<ClientFigures> {
  const answer = {
    token: "provider-token",
    tokenId: "stk_1",
    expiresAt: Date.now() + 3_600_000,
    connector: { id: "scl_1", uid: "acme/reports", type: "oauth" },
    name: "Reports",
    scopes: [],
  };
  const client = createConnectClient({
    baseUrl: "http://127.0.0.1:8787",
    credential: "vk_bench",
    fetch: async () => Response.json(answer),
  });
  const map = new Map([["acme/reports", answer.token]]);
  const bare = async (name: string) => map.get(name);
  await microsecondsOf(() => client.getToken("acme/reports"));
  await microsecondsOf(() => bare("acme/reports"));
  return {
    getTokenUs: await microsecondsOf(() => client.getToken("acme/reports")),
    mapGetUs: await microsecondsOf(() => bare("acme/reports")),
  };
}

async function microsecondsOf(call: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  for (let done = 0; done < CALLS; done += 1) await call();
  return ((performance.now() - startedMs) / CALLS) * 1000;
}
