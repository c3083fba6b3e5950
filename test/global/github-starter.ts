import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { type FakeGitHub, startFakeGitHub } from "../providers/github/github.ts";

/** Starts a GitHub for whoever posts `{layout?}`: each test file has one of its own. */
export async function startGitHubStarter(): Promise<{ origin: string; close(): void }> {
  const started: FakeGitHub[] = [];
  const server = createServer(async (request, response) => {
    const github = await startFakeGitHub((await json(request)) as { layout?: "github.com" | "ghes" });
    started.push(github);
    const { webOrigin, apiBase } = github;
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ webOrigin, apiBase }));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    close() {
      server.closeAllConnections();
      server.close();
      for (const github of started) void github.stop();
    },
  };
}
