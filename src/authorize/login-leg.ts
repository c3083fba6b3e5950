import { findLogin, type IssuerLogin, oauth } from "../callers/issuer-login.ts";
import { driverDeps, requireTeamId } from "../connectors/driver-context.ts";
import { Secret } from "../crypto/secret.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { Services } from "../services.ts";
import { challengeOf, type Leg } from "./flow-secrets.ts";
import type { AuthorizationRequest } from "./request-row.ts";

const OPENID = { scopes: ["openid"], resources: [], audience: [], authorizationDetails: [] };

/** Where users of that request sign in. `login_unavailable`. */
export async function loginOf(
  iss: string | null,
  services: Pick<Services, "db" | "keys">,
): Promise<Result<IssuerLogin>> {
  const login = iss === null ? null : await findLogin(iss, await requireTeamId(services), services);
  return login ?? fail("login_unavailable");
}

/** The issuer's URL at which the user signs in, for one leg. */
export async function loginUrl({ asked }: AuthorizationRequest, leg: Leg, services: Services): Promise<Result<string>> {
  const login = await loginOf(asked.identity.subject.issuer, services);
  if (!login.ok) return login;
  const { issuerId, config, secrets } = login.value;
  return oauth().authorizationUrl(
    {
      config,
      secrets,
      connectorId: issuerId,
      redirectUri: loginRedirectUri(issuerId, services),
      state: leg.state,
      codeChallenge: await challengeOf(leg),
      nonce: leg.nonce,
      group: OPENID,
      prompt: null,
      additionalParams: {},
    },
    driverDeps(services),
  );
}

/**
 * Whether it is the request's own user who signed in: the id_token's `iss` and `sub`, verified. Fails with
 * `subject_mismatch`, `upstream_id_token_invalid`, or as a code exchange does. The tokens are not kept.
 */
export async function verifyLogin(
  { asked }: AuthorizationRequest,
  { issuerId, config, secrets }: IssuerLogin,
  answer: { code: string; leg: Leg },
  services: Services,
): Promise<Result<null>> {
  const issued = await oauth().exchange(
    {
      config,
      secrets,
      connectorId: issuerId,
      code: Secret.of(answer.code),
      codeVerifier: Secret.of(answer.leg.codeVerifier),
      redirectUri: loginRedirectUri(issuerId, services),
      nonce: answer.leg.nonce,
      group: OPENID,
    },
    driverDeps(services),
  );
  if (!issued.ok) return issued;
  const { externalSubject } = issued.value;
  if (externalSubject === null) return fail("upstream_id_token_invalid", { reason: "no id_token" });
  const { issuer, id } = asked.identity.subject;
  return externalSubject.issuer === issuer && externalSubject.subject === id ? ok(null) : fail("subject_mismatch");
}

function loginRedirectUri(issuerId: string, { settings }: Pick<Services, "settings">): string {
  return `${settings.publicOrigin}/login/callback/${issuerId}`;
}
