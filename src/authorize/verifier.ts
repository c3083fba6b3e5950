import * as z from "zod/mini";
import type { Caller } from "../callers/caller.ts";
import { sha256Base64url } from "../crypto/digest.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { Services } from "../services.ts";
import type { AuthorizationRequest } from "./request-row.ts";
import { findByVerifier } from "./request-store.ts";

/** A verifier in a body. */
export const verifierText = z.string().check(z.minLength(1), z.maxLength(256));

type Asker = Pick<Caller, "projectId" | "environment">;

/** The request whose start answered this verifier; `not_found` alike where there is none and where it is another's. */
export async function requestOfVerifier(
  verifier: string,
  asker: Asker,
  { db }: Pick<Services, "db">,
): Promise<Result<AuthorizationRequest>> {
  const request = await findByVerifier(db, await sha256Base64url(verifier.toWellFormed()));
  return request !== null && isOf(asker, request) ? ok(request) : fail("not_found");
}

/** Whose project and environment it is; and everybody of the team, for whom the verifier speaks. */
function isOf(asker: Asker, { projectId, environment }: AuthorizationRequest): boolean {
  if (asker.projectId === null) return true;
  return asker.projectId === projectId && (asker.environment === null || asker.environment === environment);
}
