import * as z from "zod/mini";
import type { Caller } from "../callers/caller.ts";
import { sha256Base64url } from "../crypto/digest.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { Services } from "../services.ts";
import type { Database } from "../store/database.ts";

/** A verifier in a body. */
export const verifierText = z.string().check(z.minLength(1), z.maxLength(256));

type Asker = Pick<Caller, "projectId" | "environment">;

interface Owned {
  /** Null = the team. */
  projectId: string | null;
  environment: string | null;
}

/** The request whose start answered this verifier; `not_found` alike where there is none and where it is another's. */
export async function requestOfVerifier<Request extends Owned>(
  verifier: string,
  asker: Asker,
  { db }: Pick<Services, "db">,
  find: (db: Database, verifierHash: string) => Promise<Request | null>,
): Promise<Result<Request>> {
  const request = await find(db, await sha256Base64url(verifier.toWellFormed()));
  return request !== null && isOf(asker, request) ? ok(request) : fail("not_found");
}

/** Whose project and environment it is; and everybody of the team, for whom the verifier speaks. */
function isOf(asker: Asker, { projectId, environment }: Owned): boolean {
  if (asker.projectId === null) return true;
  return asker.projectId === projectId && (asker.environment === null || asker.environment === environment);
}
