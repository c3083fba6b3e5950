import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { type ClientAuthMethod, type ClientMetadata, Provider } from "oidc-provider";
import { memoryAdapter } from "./memory-adapter.ts";
import {
  CLAIMS_FIELD,
  LIFETIME_FIELD,
  providerConfiguration,
  SCOPES,
  WORKLOAD_CLIENT_ID,
} from "./provider-configuration.ts";

/** `aud` of workload tokens unless another is asked for. */
export const WORKLOAD_AUDIENCE = "https://valetkey.example.com";

export interface AuthorizationServerOptions {
  /** 0, the default, takes any free port. */
  port?: number;
  /** Clients beside the two with a secret; `registerClient` adds more later. */
  clients?: ClientMetadata[];
  /** Lifetime of access tokens, one hour by default. */
  ttlSeconds?: number;
  /** How long the token endpoint thinks about a client's request, 0 by default. */
  tokenDelayMs?: number;
}

export interface DemoClient {
  clientId: string;
  clientSecret: string;
  authMethod: ClientAuthMethod;
}

/** What arrived so far. Workload tokens are not counted as token requests. */
export interface RequestCounts {
  tokenRequests: number;
  workloadTokens: number;
  revocations: number;
  introspections: number;
  reports: number;
}

export type WorkloadClaims = { sub: string } & Record<string, string | number | boolean>;

export interface AuthorizationServer {
  /** Exact `iss`; discovery is at `/.well-known/openid-configuration` below it. */
  issuer: string;
  clients: { basic: DemoClient; post: DemoClient };
  requests(): RequestCounts;
  /** Register one more client, e.g. one with `private_key_jwt` whose `jwks_uri` is known only now. */
  registerClient(metadata: ClientMetadata): Promise<void>;
  /** A signed OIDC token of a workload, obtained by a grant of this server. `ttlSeconds` is 600 by default. */
  mintWorkloadToken(claims: WorkloadClaims, options?: { audience?: string; ttlSeconds?: number }): Promise<string>;
  stop(): Promise<void>;
}

/**
 * Start a real OAuth 2.0 authorization server (oidc-provider) on 127.0.0.1, which is also an OIDC issuer of workload
 * tokens and serves one protected resource, `GET /reports` (scope `reports:read`).
 */
export async function startAuthorizationServer(options: AuthorizationServerOptions = {}): Promise<AuthorizationServer> {
  const server = createServer();
  const issuer = await listen(server, options.port ?? 0);
  const clients = { basic: demoClient("client_secret_basic"), post: demoClient("client_secret_post") };
  const workloadIssuer: DemoClient = { ...demoClient("client_secret_basic"), clientId: WORKLOAD_CLIENT_ID };
  const adapter = memoryAdapter();
  const configuration = providerConfiguration({
    adapter,
    clients: [clients.basic, clients.post, workloadIssuer].map(metadataOf).concat(options.clients ?? []),
    ttlSeconds: options.ttlSeconds ?? 3600,
  });
  const provider = new Provider(issuer, configuration);
  const counts: RequestCounts = { tokenRequests: 0, workloadTokens: 0, revocations: 0, introspections: 0, reports: 0 };
  watch(provider, counts, basicCredentials(workloadIssuer), options.tokenDelayMs ?? 0);
  server.on("request", provider.callback());

  return {
    issuer,
    clients,
    requests: () => ({ ...counts }),
    registerClient: async (metadata) => {
      await adapter("Client").upsert(metadata.client_id, metadata, 0);
    },
    mintWorkloadToken: (claims, { audience = WORKLOAD_AUDIENCE, ttlSeconds = 600 } = {}) =>
      requestWorkloadToken(issuer, workloadIssuer, claims, audience, ttlSeconds),
    stop: () => close(server),
  };
}

async function listen(server: Server, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The authorization server has no TCP address.");
  return `http://127.0.0.1:${address.port}`;
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((settle) => {
    server.close(() => settle());
  });
  server.closeAllConnections();
  await closed;
}

function demoClient(authMethod: ClientAuthMethod): DemoClient {
  const clientId = `reports-${authMethod.replace("client_secret_", "")}`;
  return { clientId, clientSecret: randomBytes(32).toString("base64url"), authMethod };
}

function metadataOf({ clientId, clientSecret, authMethod }: DemoClient): ClientMetadata {
  return {
    client_id: clientId,
    client_secret: clientSecret,
    token_endpoint_auth_method: authMethod,
    ...(clientId === WORKLOAD_CLIENT_ID ? {} : { scope: SCOPES.join(" ") }),
  };
}

function basicCredentials({ clientId, clientSecret }: DemoClient): string {
  return `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString("base64")}`;
}

/** Count requests, delay the token endpoint, and serve the protected resource, around the provider's own routes. */
function watch(provider: Provider, counts: RequestCounts, workloadIssuer: string, tokenDelayMs: number): void {
  provider.use(async (context, next) => {
    switch (context.path) {
      case "/token":
        if (context.get("authorization") === workloadIssuer) {
          counts.workloadTokens += 1;
          break;
        }
        counts.tokenRequests += 1;
        if (tokenDelayMs > 0) await sleep(tokenDelayMs);
        break;
      case "/token/revocation":
        counts.revocations += 1;
        break;
      case "/token/introspection":
        counts.introspections += 1;
        break;
      case "/reports": {
        counts.reports += 1;
        const [scheme, value = ""] = context.get("authorization").split(" ");
        const token = scheme?.toLowerCase() === "bearer" ? await provider.ClientCredentials.find(value) : undefined;
        const allowed = token?.isValid === true && token.scope?.split(" ").includes("reports:read");
        context.status = allowed ? 200 : 401;
        context.body = allowed ? { reports: ["Q1", "Q2", "Q3"] } : { error: "invalid_token" };
        return;
      }
    }
    await next();
  });
}

async function requestWorkloadToken(
  issuer: string,
  client: DemoClient,
  claims: WorkloadClaims,
  audience: string,
  ttlSeconds: number,
): Promise<string> {
  const response = await fetch(`${issuer}/token`, {
    method: "POST",
    headers: { authorization: basicCredentials(client) },
    body: new URLSearchParams({
      grant_type: "client_credentials",
      resource: audience,
      [CLAIMS_FIELD]: JSON.stringify(claims),
      [LIFETIME_FIELD]: String(ttlSeconds),
    }),
  });
  const answer: unknown = await response.json();
  if (
    typeof answer === "object" &&
    answer !== null &&
    "access_token" in answer &&
    typeof answer.access_token === "string"
  ) {
    return answer.access_token;
  }
  throw new Error(`The workload issuer answered ${response.status}: ${JSON.stringify(answer)}`);
}
