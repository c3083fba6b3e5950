import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { renderPage } from "../../src/pages/render.ts";
import type { PageView } from "../../src/pages/views.ts";

// A loopback server for pages as they are drawn, with their own headers. What a browser does with them comes back as
// `requests` and `reports`.

export interface PageServer {
  origin: string;
  /** Makes `view` the page at `path`, and gives its URL. `tamper` is what got into it against all care. */
  show(path: string, view: PageView, options?: { method?: "GET" | "POST"; tamper?: (html: string) => string }): string;
  forget(path: string, method: "GET" | "POST"): void;
  /** Makes `html` the page at `path`, as somebody else's would be; gives its URL on another host. */
  showForeign(path: string, html: string): string;
  /** Method, path and body of each request but those for pages. */
  requests: { method: string; path: string; headers: IncomingMessage["headers"]; body: string }[];
  /** What a browser reported against the policy of a page. */
  reports: string[];
  close(): Promise<void>;
}

interface Document {
  html: string;
  headers: Record<string, string>;
}

/** A page that leads to this path stays as it is: the answer is 204. */
export const NOWHERE = "/nowhere";

const REPORTS = "/reports";
const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

export async function startPageServer(): Promise<PageServer> {
  const documents = new Map<string, Document>();
  const requests: PageServer["requests"] = [];
  const reports: string[] = [];

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", headers } = request;
    const path = new URL(request.url ?? "/", "http://x").pathname;
    const body = await textOf(request);
    const document = documents.get(`${method} ${path}`);
    if (path === REPORTS) {
      reports.push(body);
      response.writeHead(204).end();
    } else if (document !== undefined) {
      response.writeHead(200, document.headers).end(document.html);
    } else if (path.startsWith("/icons/") || path.startsWith("/favicon.")) {
      response.writeHead(200, { "content-type": "image/png" }).end(PIXEL);
    } else {
      requests.push({ method, path, headers, body });
      response.writeHead(204).end();
    }
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  return {
    origin,
    requests,
    reports,
    show(path, view, { method = "GET", tamper = (text: string) => text } = {}) {
      const { html, headers } = renderPage(view);
      // A second policy, the same one, that only reports: the first one is enforced as it is.
      const reported = `${headers["content-security-policy"]}; report-uri ${REPORTS}`;
      documents.set(`${method} ${path}`, {
        html: tamper(html),
        headers: { ...headers, "content-security-policy-report-only": reported },
      });
      return `${origin}${path}`;
    },
    forget(path, method) {
      documents.delete(`${method} ${path}`);
    },
    showForeign(path, html) {
      documents.set(`GET ${path}`, { html, headers: { "content-type": "text/html; charset=utf-8" } });
      return `http://localhost:${port}${path}`;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
