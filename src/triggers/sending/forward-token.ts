import type { KeyRing } from "../../crypto/key-ring.ts";
import { signJwt } from "../../crypto/signing-key.ts";
import { currentSigner } from "../../issuer/signing-keys.ts";
import type { Services } from "../../services.ts";
import type { Delivery, EventRecord } from "../events/event.ts";
import type { Destination, ForwardedConnector } from "../settings/destination.ts";

const FORWARD_TOKEN_TYP = "connect-webhook+jwt";
/** Seconds. */
const LIFETIME_S = 300;
/** By how much a destination's clock may be behind ours, where its library allows for nothing. */
const SKEW_S = 5;

/** What a forward token is about. */
export interface TokenSubject {
  attemptId: string;
  delivery: Pick<Delivery, "id">;
  event: Pick<EventRecord, "id" | "tenants" | "bodySha256" | "installationId">;
  destination: Pick<Destination, "audience" | "projectId" | "environment">;
  connector: ForwardedConnector;
  url: string;
  issuedAtMs: number;
}

/** Who sends this attempt: a JWT for one destination, method, URL and body (docs: the forward token). */
export async function forwardToken(
  { attemptId, delivery, event, destination, connector, url, issuedAtMs }: TokenSubject,
  deps: Pick<Services, "db" | "now" | "randomBytes" | "settings"> & { keys: KeyRing },
): Promise<string> {
  const { key, kid, alg } = await currentSigner(deps);
  const issuedAt = Math.floor(issuedAtMs / 1000);
  const [tenant, ...otherTenants] = event.tenants;
  const { id, uid, type, service } = connector;
  return signJwt(
    key,
    { alg, kid, typ: FORWARD_TOKEN_TYP },
    {
      iss: deps.settings.publicOrigin,
      aud: destination.audience,
      sub: `connector:${id}`,
      jti: attemptId,
      iat: issuedAt,
      nbf: issuedAt - SKEW_S,
      exp: issuedAt + LIFETIME_S,
      htm: "POST",
      htu: url,
      body_sha256: event.bodySha256,
      event_id: event.id,
      delivery_id: delivery.id,
      ...(event.installationId && { installation_id: event.installationId }),
      ...(tenant !== undefined && otherTenants.length === 0 && { tenant_id: tenant }),
      ...(destination.projectId !== null && { project_id: destination.projectId }),
      ...(destination.environment !== null && { environment: destination.environment }),
      trigger: { id, uid, type, service },
    },
  );
}
