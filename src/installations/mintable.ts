import { fail, ok, type Result } from "../errors.ts";
import type { Database } from "../store/database.ts";
import type { Installation } from "./installation.ts";
import { installationById } from "./installation-store.ts";

/** The installation of a grant as the database has it now; null = the grant is of none. Fails where it cannot be used. */
export async function mintableInstallation(
  db: Database,
  { installationId }: { installationId: string | null },
): Promise<Result<Installation | null>> {
  if (installationId === null) return ok(null);
  const installation = await installationById(db, installationId);
  if (installation === null || installation.state === "removed") return fail("client_installation_required");
  return installation.state === "suspended" ? fail("installation_suspended") : ok(installation);
}
