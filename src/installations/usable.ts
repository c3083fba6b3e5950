import { fail, ok, type Result } from "../errors.ts";
import type { Database } from "../store/database.ts";
import type { Installation } from "./installation.ts";
import { installationById } from "./installation-store.ts";

/** After so long (ms) a suspension is no reason not to ask the provider: where no events come, nobody tells of its end. */
const SUSPENSION_HOLDS_MS = 5 * 60_000;

/** The installation of a grant as the database has it now; null = the grant is of none. Fails where it cannot be used. */
export async function mintableInstallation(
  db: Database,
  { installationId }: { installationId: string | null },
  nowMs: number,
): Promise<Result<Installation | null>> {
  return installationId === null ? ok(null) : usable(await installationById(db, installationId), nowMs);
}

/**
 * One that is there, and not known to be held back; else `client_installation_required`, in those words, or
 * `installation_suspended`.
 */
export function usable(
  installation: Installation | null,
  nowMs: number,
  words: { message?: string } = {},
): Result<Installation> {
  if (installation === null || installation.state === "removed") return fail("client_installation_required", words);
  const isHeldBack = installation.state === "suspended" && nowMs - installation.updatedAtMs < SUSPENSION_HOLDS_MS;
  return isHeldBack ? fail("installation_suspended") : ok(installation);
}
