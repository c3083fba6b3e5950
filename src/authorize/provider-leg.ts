import { openSecrets } from "../connectors/connector-secrets.ts";
import { redirectUriOf } from "../connectors/connector-wire.ts";
import { driverDeps } from "../connectors/driver-context.ts";
import type { Result } from "../errors.ts";
import type { Services } from "../services.ts";
import type { Authority } from "./authority.ts";
import { challengeOf, type Leg } from "./flow-secrets.ts";
import type { AuthorizationRequest } from "./request-row.ts";

/** The longest way to a provider and back. */
const LONGEST_LEG_MS = 10 * 60_000;

/** When a leg that begins now ends: with the request at the latest. */
export function legEndMs({ expiresAtMs }: Pick<AuthorizationRequest, "expiresAtMs">, nowMs: number): number {
  return Math.min(expiresAtMs, nowMs + LONGEST_LEG_MS);
}

/** The provider's URL for one leg, pushed ahead where the provider takes that. */
export async function providerUrl(
  { asked }: Pick<AuthorizationRequest, "asked">,
  { snapshot, connector, driver }: Authority,
  leg: Leg,
  services: Services,
): Promise<Result<string>> {
  const secrets = await openSecrets(services.keys, snapshot.teamId, connector);
  if (!secrets.ok) return secrets;
  return driver.authorizationUrl(
    {
      config: connector.config,
      secrets: secrets.value,
      connectorId: connector.id,
      redirectUri: redirectUriOf(connector.id, services.settings.publicOrigin),
      state: leg.state,
      codeChallenge: await challengeOf(leg),
      nonce: leg.nonce,
      group: asked.group,
      prompt: asked.prompt,
      additionalParams: asked.additionalParams,
    },
    driverDeps(services),
  );
}
