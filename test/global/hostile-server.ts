import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";

interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  body: string;
  /** What follows the behaviour's name in the path. */
  rest: string[];
}

/** `/provider/{name}/…`: an authorization server of that name, which misbehaves as it was last told. */
interface Provider {
  /** A behaviour's path below, or "" to behave. */
  mode: string;
  delayMs: number;
  expiresIn: number;
  /** Any will do while it is empty. */
  clientSecret: string;
  issued: string[];
  revoked: string[];
  /** Requests that the delay is holding back. */
  waiting: number;
}
const providers = new Map<string, Provider>();

const TOKEN = { access_token: "hostile-access-token", token_type: "bearer", expires_in: 3600 };
const JSON_TYPE = "application/json";

/** First path segment → how the provider misbehaves. Add a row; keep each a line or two. */
const BEHAVIOURS: Record<string, (call: Call) => void> = {
  ok: ({ response }) => send(response, 200, JSON.stringify(TOKEN)),
  /** Never answers. */
  hang: () => {},
  /** Headers at once, then one byte a second. */
  drip: ({ response }) => drip(response, JSON.stringify(TOKEN)),
  status: ({ response, rest }) => send(response, Number(rest[0]), JSON.stringify({ error: "server_error" })),
  html: ({ response }) => send(response, 200, "<h1>It works</h1>", "text/html"),
  "json-as-html": ({ response }) => send(response, 200, JSON.stringify(TOKEN), "text/html"),
  huge: ({ response }) => send(response, 200, padded(5_000_000)),
  /** About 51 kB on the wire, 52 MB inflated. */
  "gzip-bomb": ({ response }) => send(response, 200, bomb(), JSON_TYPE, { "content-encoding": "gzip" }),
  redirect: ({ response, rest, url }) =>
    send(response, Number(rest[0]), "", JSON_TYPE, { location: url.searchParams.get("to") ?? "/ok" }),
  reset: ({ request }) => void request.socket.resetAndDestroy(),
  /** Promises more bytes than it sends. */
  truncated: ({ request, response }) => {
    response.writeHead(200, { "content-type": JSON_TYPE, "content-length": 1000 });
    response.write(JSON.stringify(TOKEN), () => request.socket.destroy());
  },
  /** `?after=` is sent as it is: seconds, an HTTP date, or nonsense. */
  "rate-limited": ({ response, url }) =>
    send(response, 429, JSON.stringify({ error: "slow_down" }), JSON_TYPE, {
      "retry-after": url.searchParams.get("after") ?? "1",
    }),
  /** Answers `?body=` with `?status=` and `?type=`. */
  json: ({ response, url: { searchParams: query } }) =>
    send(response, Number(query.get("status") ?? 200), query.get("body") ?? "{}", query.get("type") ?? JSON_TYPE),
  provider: (call) => void serveProvider(call),
  /** An authorization server: its token endpoint is good, its metadata is the variant's. */
  as: ({ response, url, rest: [variant = "", ...path] }) =>
    path[0] === "token"
      ? send(response, 200, JSON.stringify(TOKEN))
      : sendMetadata(response, variant, `${url.origin}/as/${variant}`),
};

/**
 * `POST token` issues a token never issued before, `POST revoke` records it, `POST control` (JSON) sets mode, delay and
 * lifetime, `GET state` tells what happened.
 */
async function serveProvider(call: Call): Promise<void> {
  const { response, url, body, rest } = call;
  const [name = "", action = ""] = rest;
  const provider = providers.get(name) ?? {
    mode: "",
    delayMs: 0,
    expiresIn: 3600,
    clientSecret: "",
    issued: [],
    revoked: [],
    waiting: 0,
  };
  providers.set(name, provider);
  if (action === "control") {
    Object.assign(provider, JSON.parse(body));
    return send(response, 200, "{}");
  }
  if (action === "state") return send(response, 200, JSON.stringify(provider));
  if (action === ".well-known") return send(response, 200, JSON.stringify(metadata(`${url.origin}/provider/${name}`)));
  if (provider.delayMs > 0) {
    provider.waiting++;
    await new Promise((resolve) => setTimeout(resolve, provider.delayMs));
    provider.waiting--;
  }
  if (provider.mode !== "") {
    const [behaviour = "", ...path] = provider.mode.split("/");
    return BEHAVIOURS[behaviour]?.({ ...call, rest: path });
  }
  if (action === "revoke") {
    provider.revoked.push(new URLSearchParams(body).get("token") ?? "");
    return send(response, 200, "{}");
  }
  if (!hasSecret(call, provider.clientSecret)) return send(response, 401, JSON.stringify({ error: "invalid_client" }));
  const token = `${name}-access-token-${provider.issued.length + 1}`;
  provider.issued.push(token);
  const scope = new URLSearchParams(body).get("scope") ?? undefined;
  send(
    response,
    200,
    JSON.stringify({ access_token: token, token_type: "Bearer", expires_in: provider.expiresIn, scope }),
  );
}

function hasSecret({ request, body }: Call, secret: string): boolean {
  const basic = Buffer.from(request.headers.authorization?.split(" ")[1] ?? "", "base64").toString();
  return basic.endsWith(`:${encodeURIComponent(secret)}`) || body.includes(`client_secret=${secret}`) || secret === "";
}

/** `/as/{variant}` → its metadata document, given the issuer that was asked. RFC 8414 §2. */
const METADATA: Record<string, (issuer: string) => object> = {
  good: metadata,
  "wrong-issuer": () => metadata("https://honest.example.com"),
  "trailing-slash": (issuer) => ({ ...metadata(issuer), issuer: `${issuer}/` }),
  "no-token-endpoint": (issuer) => ({ ...metadata(issuer), token_endpoint: undefined }),
  "http-endpoints": (issuer) => ({ ...metadata("http://idp.example.com"), issuer }),
  huge: (issuer) => ({ ...metadata(issuer), padding: "x".repeat(1_000_000) }),
};

function metadata(issuer: string): Record<string, unknown> {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    revocation_endpoint: `${issuer}/revoke`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ["code"],
    grant_types_supported: ["authorization_code", "refresh_token", "client_credentials"],
    code_challenge_methods_supported: ["S256"],
    token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
  };
}

function sendMetadata(response: ServerResponse, variant: string, issuer: string): void {
  const document = METADATA[variant]?.(issuer);
  if (variant === "html") send(response, 200, "<h1>Sign in</h1>", "text/html");
  else send(response, document === undefined ? 404 : 200, JSON.stringify(document ?? { error: "not_found" }));
}

/** Starts the provider on a free port of 127.0.0.1. `/count?key=` and `/last?key=` tell of requests with that key, `/forget` ends all memory. */
export async function startHostileServer(): Promise<{ origin: string; close: () => void }> {
  const seen = new Map<string, { count: number; last: object }>();
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", `http://${request.headers.host}`);
    const body = (await request.setEncoding("utf8").toArray()).join("");
    const key = url.searchParams.get("key");
    const [first = "", ...rest] = segmentsOf(url);
    if (first === "count") return send(response, 200, JSON.stringify({ count: seen.get(key ?? "")?.count ?? 0 }));
    if (first === "forget") {
      providers.clear();
      seen.clear();
      return send(response, 200, "{}");
    }
    if (first === "last") return send(response, 200, JSON.stringify(seen.get(key ?? "")?.last ?? null));
    if (key !== null) {
      const { method, headers } = request;
      seen.set(key, {
        count: (seen.get(key)?.count ?? 0) + 1,
        last: { method, path: url.pathname + url.search, headers, body },
      });
    }
    const behave = Object.hasOwn(BEHAVIOURS, first) ? BEHAVIOURS[first] : undefined;
    if (behave === undefined) return send(response, 404, JSON.stringify({ error: "not_found" }));
    behave({ request, response, url, body, rest });
  });
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { origin: await listen(server), close };
}

/** RFC 8414 §3.1 puts the well-known part before the issuer's path, OpenID Connect Discovery after it: both work. */
function segmentsOf(url: URL): string[] {
  const segments = url.pathname.split("/").slice(1);
  return segments[0] === ".well-known" ? [...segments.slice(2), ...segments.slice(0, 2)] : segments;
}

function listen(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") return reject(new Error("no port"));
      resolve(`http://127.0.0.1:${address.port}`);
    });
  });
}

function send(response: ServerResponse, status: number, body: string | Buffer, type = JSON_TYPE, headers = {}): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body), ...headers }).end(body);
}

function drip(response: ServerResponse, text: string): void {
  response.writeHead(200, { "content-type": JSON_TYPE });
  let sent = 0;
  const timer = setInterval(() => {
    if (sent === text.length) response.end();
    else response.write(text.charAt(sent++));
  }, 1000);
  response.write(text.charAt(sent++));
  response.once("close", () => clearInterval(timer));
}

function padded(length: number): string {
  return JSON.stringify({ ...TOKEN, padding: "x".repeat(length) });
}

let compressed: Buffer | undefined;
function bomb(): Buffer {
  compressed ??= gzipSync(padded(52_000_000), { level: 9 });
  return compressed;
}
