import { once } from "node:events";
import { createServer } from "node:http";

/** The app invoices, as far as the demo needs it: the place where its users come back to. */
export interface DemoApp {
  returnUrl: string;
  stop(): Promise<void>;
}

const PAGE = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Invoices</title><link rel="icon" href="data:,">
<h1>Invoices</h1><p>Welcome back. You can close this page.</p></html>
`;

export async function startDemoApp(): Promise<DemoApp> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/html" });
    response.end(PAGE);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The demo app has no TCP address.");
  return {
    returnUrl: `http://127.0.0.1:${address.port}/connected`,
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
