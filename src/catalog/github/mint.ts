import * as z from "zod/mini";
import { Secret } from "../../crypto/secret.ts";
import { fail, ok, type Result } from "../../errors.ts";
import type { DriverDeps, IssuedToken } from "../driver.ts";
import type { MintRequest } from "../driver-requests.ts";
import { tokenText } from "../token-text.ts";
import { type ApiAnswer, callAsApp, misshapen, refused, unexpected } from "./api.ts";
import type { GitHubConfig } from "./config.ts";
import { type Narrowing, readDetails, writeDetails } from "./details.ts";
import { findInstallation } from "./find-installation.ts";
import { grantedPermissions, notGranted } from "./narrowing.ts";
import { missingPermissions, type Permissions } from "./permissions.ts";
import { revokeAppToken } from "./revoke.ts";

type Request = MintRequest<GitHubConfig> & { installation: NonNullable<MintRequest["installation"]> };
type Deps = Pick<DriverDeps, "fetch" | "now">;

/** How many repositories of a refused request are looked for, to say which are missing. */
const MAX_LOOKED_FOR = 10;
const LONGEST_LIFETIME_MS = 3_600_000;

const tokenBody = z.object({
  token: tokenText,
  expires_at: z.string(),
  permissions: z._default(z.record(z.string(), z.string()), {}),
  repository_selection: z.optional(z.enum(["all", "selected"])),
  repositories: z.optional(z.array(z.object({ name: z.string() }))),
});
type TokenBody = z.output<typeof tokenBody>;

/**
 * A token of the installation, narrowed as the group says; expiry counts from before the request. Refusals are explained
 * by what GitHub has: `insufficient_scope` naming what is missing, `client_installation_required` with the reason
 * "removed", `installation_suspended`. A token that can do more than was asked for is revoked, and never given out.
 * https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app
 */
export async function mintInstallationToken(
  request: MintRequest<GitHubConfig>,
  deps: Deps,
): Promise<Result<IssuedToken>> {
  const { installation } = request;
  if (installation === null) return fail("client_installation_required");
  const asked = readDetails(request.group.authorizationDetails);
  if (!asked.ok) return asked;
  const { permissions, repositories } = asked.value;
  const askedAtMs = deps.now();
  const path = `/app/installations/${encodeURIComponent(installation.externalId)}/access_tokens`;
  const answer = await callAsApp(request, { method: "POST", path, body: { permissions, repositories } }, deps);
  if (!answer.ok) return answer;
  if (answer.value.status !== 201) return explained(answer.value, asked.value, { ...request, installation }, deps);

  const body = tokenBody.safeParse(answer.value.json);
  if (!body.success) return misshapen("installation token: bad members");
  const expiresAtMs = expiryOf(body.data, answer.value, askedAtMs);
  const accessToken = Secret.of(body.data.token);
  const difference = expiresAtMs === null ? "bad expires_at" : differenceOf(asked.value, body.data);
  if (expiresAtMs === null || difference !== null) {
    await revokeAppToken(request.config, accessToken, deps);
    return misshapen(`installation token: ${difference}`);
  }
  const { permissions: granted, repository_selection: selection } = body.data;
  return ok({
    accessToken,
    expiresAtMs,
    scopes: [],
    resources: [],
    authorizationDetails: effectiveDetails(installation.name, granted, repositories),
    static: false,
    metadata: { permissions: granted, ...(selection !== undefined && { repository_selection: selection }) },
  });
}

/** GitHub's clock may differ: what counts is how long the token lives from its answer on. */
function expiryOf({ expires_at }: TokenBody, { providerNowMs }: ApiAnswer, askedAtMs: number): number | null {
  const lifetimeMs = Date.parse(expires_at) - (providerNowMs ?? askedAtMs);
  return lifetimeMs > 0 ? askedAtMs + Math.min(lifetimeMs, LONGEST_LIFETIME_MS) : null;
}

/** How a token differs from what was asked for; null = not. */
function differenceOf({ permissions, repositories }: Narrowing, body: TokenBody): string | null {
  if (permissions !== undefined) {
    if (missingPermissions(permissions, body.permissions).length > 0) return "more permissions than asked for";
    if (missingPermissions(body.permissions, permissions).length > 0) return "fewer permissions than asked for";
  }
  if (repositories === undefined) return null;
  const names = body.repositories?.map(({ name }) => name.toLowerCase());
  const isSame = names?.length === repositories.length && names.every((name) => repositories.includes(name));
  return isSame ? null : "other repositories than asked for";
}

function effectiveDetails(login: string | null, permissions: Permissions, repositories: string[] | undefined) {
  const owner = login?.toLowerCase();
  return writeDetails({ ...(owner !== undefined && { owner }), permissions, ...(repositories && { repositories }) });
}

/** Why GitHub gave no token. */
async function explained(answer: ApiAnswer, asked: Narrowing, request: Request, deps: Deps): Promise<Result<never>> {
  const { status } = answer;
  if (status !== 403 && status !== 404 && status !== 422) return unexpected(answer);
  const found = await findInstallation({ ...request, externalId: request.installation.externalId }, deps);
  if (!found.ok) return found;
  if (found.value === null) return fail("client_installation_required", { reason: "removed" });
  if (found.value.state === "suspended") return fail("installation_suspended");
  // The app itself was answered, so whatever keeps this tenant from it is no limit of all the others.
  if (status !== 422) return refused("upstream_rejected", answer);
  const granted = grantedPermissions(found.value.details);
  const missing = granted === null ? [] : missingPermissions(granted, asked.permissions ?? {});
  if (missing.length > 0) return notGranted(missing);
  // Such as a level that this permission does not have.
  if (asked.repositories === undefined) return refused("upstream_rejected", answer);
  return repositoriesMissing(asked.repositories, found.value.name ?? "", request, deps);
}

async function repositoriesMissing(
  repositories: string[],
  owner: string,
  request: Request,
  deps: Deps,
): Promise<Result<never>> {
  const isOut = async (name: string) => {
    const answer = await callAsApp(request, { method: "GET", path: `/repos/${owner}/${name}/installation` }, deps);
    return answer.ok && answer.value.status === 404;
  };
  const looked = await Promise.all(repositories.slice(0, MAX_LOOKED_FOR).map(isOut));
  const missing = repositories.filter((_, index) => looked[index]);
  const which = missing.length === 0 ? "one of the repositories" : missing.join(", ");
  return fail("insufficient_scope", { message: `The installation does not reach ${which} of ${owner}.` });
}
