import { messageOf } from "../errors.ts";
import type { GrantRevocation } from "../grants/protocol.ts";
import type { Services } from "../services.ts";

/**
 * Has Grants drop what they hold that came through one link, or (null) through any. What they did, and how many of them
 * did not answer.
 */
export async function tellGrants(
  names: string[],
  region: string | null,
  linkId: string | null,
  { grants, log }: Pick<Services, "grants" | "log">,
): Promise<{ told: GrantRevocation[]; missed: number }> {
  const tell = async (name: string) => {
    try {
      return await grants.grant(name, region).revoke({ revokedBeforeMs: null, linkId });
    } catch (error) {
      log.warn("revoke.grant_unreachable", { reason: messageOf(error) });
      return null;
    }
  };
  const told = (await Promise.all(names.map(tell))).filter((counts) => counts !== null);
  return { told, missed: names.length - told.length };
}
