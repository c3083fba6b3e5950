import type { Secret } from "../../crypto/secret.ts";
import { ok, type Result } from "../../errors.ts";
import type { DriverDeps } from "../driver.ts";
import type { RevokeRequest } from "../driver-requests.ts";
import { type ApiAnswer, bearer, callApi, refusedClient, unexpected } from "./api.ts";
import type { GitHubConfig } from "./config.ts";
import { refreshUser } from "./users.ts";

type Deps = Pick<DriverDeps, "fetch" | "now">;
type Outcome = Result<"done" | "unsupported">;

/**
 * End a token at GitHub: an app's by itself, a user's by the app's client secret. A refresh token is used up for an access
 * token first, because GitHub knows authorizations by those only; if it is refused, it has ended already.
 */
export async function revokeGitHubToken(request: RevokeRequest<GitHubConfig>, deps: DriverDeps): Promise<Outcome> {
  const { config, secrets, token, hint, subject } = request;
  if (subject === "app") return revokeAppToken(config, token, deps);
  const { clientSecret } = secrets;
  if (clientSecret === undefined || config.clientId === null) return ok("unsupported");
  if (hint === "access_token") return revokeUserToken(config, clientSecret, token, deps);
  const refreshed = await refreshUser({ config, secrets, connectorId: request.connectorId, refreshToken: token }, deps);
  if (refreshed.ok) return revokeUserToken(config, clientSecret, refreshed.value.accessToken, deps);
  return refreshed.failure.code === "upstream_grant_refused" ? ok("done") : refreshed;
}

/** https://docs.github.com/rest/apps/installations#revoke-an-installation-access-token */
export async function revokeAppToken(config: Pick<GitHubConfig, "api">, token: Secret, deps: Deps): Promise<Outcome> {
  return ended(await callApi(config, bearer(token), { method: "DELETE", path: "/installation/token" }, deps), [401]);
}

/** https://docs.github.com/rest/apps/oauth-applications#delete-an-app-token */
export async function revokeUserToken(
  config: GitHubConfig,
  clientSecret: Secret,
  token: Secret,
  deps: Deps,
): Promise<Outcome> {
  const path = `/applications/${encodeURIComponent(config.clientId ?? "")}/token`;
  const basic = `Basic ${btoa(`${config.clientId}:${clientSecret.expose()}`)}`;
  const body = { access_token: token.expose() };
  const answer = await callApi(config, basic, { method: "DELETE", path, body }, deps);
  if (answer.ok && answer.value.status === 401) return refusedClient(401);
  return ended(answer, [404, 422]);
}

/** Of a token that is none (any more), GitHub says so with one of these. */
function ended(answer: Result<ApiAnswer>, unknownStatuses: number[]): Outcome {
  if (!answer.ok) return answer;
  const { status } = answer.value;
  return status === 204 || unknownStatuses.includes(status) ? ok("done") : unexpected(answer.value);
}
