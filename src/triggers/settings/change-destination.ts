import { ApiError, unwrap } from "../../errors.ts";
import type { Services } from "../../services.ts";
import type { StoredDestination } from "./destination-row.ts";
import { newDestinationSecret, openDestinationSecrets, sealDestinationSecrets } from "./destination-secrets.ts";
import { type ChangeDestination, checkedUrl } from "./new-destination.ts";
import { type DatedSecret, rotatedSecrets } from "./signing-secrets.ts";

/** The destination after a change. Thrown: `bad_request`, `url_not_allowed`. */
export function changedDestination(
  { now, urlPolicy }: Pick<Services, "now" | "urlPolicy">,
  current: StoredDestination,
  { url, path, enabled, ...fields }: ChangeDestination,
): StoredDestination {
  if (url !== undefined && current.givenUrl === null) {
    throw new ApiError("bad_request", { message: "url: this destination is a project's. Add another one." });
  }
  if (path !== undefined && current.givenUrl !== null) {
    throw new ApiError("bad_request", { message: "path: this destination is a URL. Change its url." });
  }
  return {
    ...current,
    ...fields,
    ...(url !== undefined && { givenUrl: checkedUrl(url, urlPolicy) }),
    ...(path !== undefined && { path }),
    ...(enabled !== undefined && { storedReason: enabled ? null : "operator" }),
    revision: current.revision + 1,
    updatedAtMs: now(),
  };
}

/** The destination with a new signing secret; the one of before stays valid for the grace. */
export async function rotatedDestination(
  services: Pick<Services, "keys" | "now" | "randomBytes">,
  teamId: string,
  current: StoredDestination,
  graceSeconds: number,
): Promise<{ destination: StoredDestination; secret: DatedSecret; secrets: DatedSecret[] }> {
  const before = unwrap(await openDestinationSecrets(services.keys, teamId, current));
  const secret = newDestinationSecret(services);
  const secrets = rotatedSecrets(before, [secret], { graceMs: graceSeconds * 1000, nowMs: services.now() });
  const place = { id: current.id, secretsGeneration: current.secretsGeneration + 1 };
  const destination = {
    ...current,
    ...(await sealDestinationSecrets(services, teamId, place, secrets)),
    revision: current.revision + 1,
    updatedAtMs: services.now(),
  };
  return { destination, secret, secrets };
}
