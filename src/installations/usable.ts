import { fail, ok, type Result } from "../errors.ts";
import type { Database } from "../store/database.ts";
import type { Installation } from "./installation.ts";
import { installationById } from "./installation-store.ts";

/** The installation of a grant as the database has it now; null = the grant is of none. Fails where it cannot be used. */
export async function mintableInstallation(
  db: Database,
  { installationId }: { installationId: string | null },
): Promise<Result<Installation | null>> {
  return installationId === null ? ok(null) : usable(await installationById(db, installationId));
}

/** One that is there and not held back; else `client_installation_required`, in those words, or `installation_suspended`. */
export function usable(installation: Installation | null, words: { message?: string } = {}): Result<Installation> {
  if (installation === null || installation.state === "removed") return fail("client_installation_required", words);
  return installation.state === "suspended" ? fail("installation_suspended") : ok(installation);
}
