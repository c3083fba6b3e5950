import { setTimeout as sleep } from "node:timers/promises";
import type { Provider } from "oidc-provider";

/** What arrived so far. Workload tokens are not counted as token requests. */
export interface RequestCounts {
  tokenRequests: number;
  /** Those of the token requests that brought a code, or a refresh token; counted when they are answered. */
  codeExchanges: number;
  refreshes: number;
  /** Times that somebody presented a spent code or refresh token, which ends all that the user granted. */
  reuses: number;
  workloadTokens: number;
  pushedRequests: number;
  revocations: number;
  introspections: number;
  reports: number;
}

export function noRequests(): RequestCounts {
  return {
    tokenRequests: 0,
    codeExchanges: 0,
    refreshes: 0,
    reuses: 0,
    workloadTokens: 0,
    pushedRequests: 0,
    revocations: 0,
    introspections: 0,
    reports: 0,
  };
}

/** Count requests, delay the token endpoint, and serve the protected resource, around the provider's own routes. */
export function watch(provider: Provider, counts: RequestCounts, workloadIssuer: string, tokenDelayMs: number): void {
  provider.on("grant.revoked", (context) => {
    if (context.path === "/token") counts.reuses += 1;
  });
  provider.use(async (context, next) => {
    switch (context.path) {
      case "/token":
        if (context.get("authorization") === workloadIssuer) {
          counts.workloadTokens += 1;
          break;
        }
        counts.tokenRequests += 1;
        if (tokenDelayMs > 0) await sleep(tokenDelayMs);
        await next();
        countGrantType(counts, context.oidc?.params?.grant_type);
        return;
      case "/request":
        counts.pushedRequests += 1;
        break;
      case "/token/revocation":
        counts.revocations += 1;
        break;
      case "/token/introspection":
        counts.introspections += 1;
        break;
      case "/reports": {
        counts.reports += 1;
        const reports = await readReports(provider, context.get("authorization"));
        context.status = reports === null ? 401 : 200;
        context.body = reports ?? { error: "invalid_token" };
        return;
      }
    }
    await next();
  });
}

function countGrantType(counts: RequestCounts, grantType: unknown): void {
  if (grantType === "authorization_code") counts.codeExchanges += 1;
  if (grantType === "refresh_token") counts.refreshes += 1;
}

/** The protected resource's answer; null = the token does not open it. A user's reports say whose they are. */
async function readReports(provider: Provider, authorization: string): Promise<object | null> {
  const [scheme, value = ""] = authorization.split(" ");
  if (scheme?.toLowerCase() !== "bearer") return null;
  const token = (await provider.AccessToken.find(value)) ?? (await provider.ClientCredentials.find(value));
  if (token?.isValid !== true || !token.scope?.split(" ").includes("reports:read")) return null;
  const reports = ["Q1", "Q2", "Q3"];
  return "accountId" in token ? { reports, user: token.accountId } : { reports };
}
