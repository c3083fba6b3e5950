import * as z from "zod/mini";
import type { Secret } from "../../crypto/secret.ts";
import { ok, type Result } from "../../errors.ts";
import { invalidConfig } from "../connector-data.ts";
import type { DriverDeps } from "../driver.ts";
import type { AuthorizationUrlRequest } from "../driver-requests.ts";
import type { ProofRequest } from "../installations.ts";
import { exchangeCode } from "../oauth/user-grant.ts";
import { bearer, callApi, misshapen, unexpected } from "./api.ts";
import type { GitHubConfig } from "./config.ts";
import { revokeUserToken } from "./revoke.ts";
import { asClient, EVERYTHING } from "./users.ts";

/** 5,000 installations. */
const MAX_PAGES = 50;

const text = z.nullish(z.string());
const account = z.object({ id: z.int(), login: text, slug: text, type: text });
const page = z.object({ installations: z.array(z.object({ id: z.int(), account: z.nullish(account) })) });

/** Where the installer's browser goes to show who they are. https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app */
export function proofUrl(
  request: Pick<AuthorizationUrlRequest<GitHubConfig>, "config" | "redirectUri" | "state" | "codeChallenge">,
): Result<string> {
  const { config, redirectUri, state, codeChallenge } = request;
  if (!config.hasClientSecret) {
    return invalidConfig("Set data.clientSecret: without it GitHub does not say who installs.");
  }
  const query = new URLSearchParams({
    client_id: config.clientId ?? "",
    redirect_uri: redirectUri,
    state,
    code_challenge: codeChallenge,
    code_challenge_method: "S256",
  });
  return ok(`${config.web}/login/oauth/authorize?${query}`);
}

/**
 * Whether the user is one of those who have the installation: who can reach it in an organization, and of a
 * personal account its user alone. Their token is ended at once, and dropped if that fails. https://docs.github.com/rest/apps/installations#list-app-installations-accessible-to-the-user-access-token
 */
export async function hasInstallation(
  { config, secrets, connectorId, code, codeVerifier, redirectUri, externalId }: ProofRequest<GitHubConfig>,
  deps: DriverDeps,
): Promise<Result<boolean>> {
  const client = { config: asClient(config), secrets, connectorId };
  const issued = await exchangeCode({ ...client, code, codeVerifier, redirectUri, nonce: "", group: EVERYTHING }, deps);
  if (!issued.ok) return issued;
  const { accessToken } = issued.value;
  const found = await isListed(config, accessToken, externalId, deps);
  if (secrets.clientSecret !== undefined) await revokeUserToken(config, secrets.clientSecret, accessToken, deps);
  return found;
}

async function isListed(
  config: GitHubConfig,
  token: Secret,
  externalId: string,
  deps: DriverDeps,
): Promise<Result<boolean>> {
  for (let number = 1; number <= MAX_PAGES; number++) {
    const path = `/user/installations?per_page=100&page=${number}`;
    const answer = await callApi(config, bearer(token), { method: "GET", path }, deps);
    if (!answer.ok) return answer;
    if (answer.value.status !== 200) return unexpected(answer.value);
    const body = page.safeParse(answer.value.json);
    if (!body.success) return misshapen("installations: bad members");
    const found = body.data.installations.find(({ id }) => String(id) === externalId);
    if (found !== undefined) {
      const owner = found.account;
      if (owner == null) return ok(false);
      if (isShared(owner)) return ok(true);
      // Collaborators are shown an installation of somebody's personal account, too.
      const user = await callApi(config, bearer(token), { method: "GET", path: "/user" }, deps);
      return user.ok ? ok(Object(user.value.json).id === owner.id) : user;
    }
    if (!/;\s*rel="next"/.test(answer.value.headers.get("link") ?? "")) break;
  }
  return ok(false);
}

/** An organization's, or an enterprise's. What GitHub does not say is not believed. */
function isShared({ type, login, slug }: z.output<typeof account>): boolean {
  return type === "Organization" || (login == null && slug != null);
}
