import * as z from "zod";
import type { Caller } from "../callers/caller.ts";
import { sha256Base64url } from "../crypto/digest.ts";
import { ApiError } from "../errors.ts";
import { type Answer, runtimeEndpoint } from "../http/endpoint.ts";
import type { Services } from "../services.ts";
import type { AuthorizationRequest } from "./request-row.ts";
import { findByVerifier } from "./request-store.ts";
import { resultOf } from "./result.ts";

const verifierText = z.string().min(1).max(256);

/** `GET /v1/connect/result/{verifier}`, for clients that know no other; logs name the pattern, never the path. */
export const getResult = runtimeEndpoint({
  summary: "How an authorization stands, by the verifier that its start answered; POST keeps that out of addresses.",
  handle: ({ services, caller, params }) => answerFor(params.id ?? "", caller, services),
});

/** `POST /v1/connect/result`: the same, with the secret in the body. */
export const postResult = runtimeEndpoint({
  summary: "How an authorization stands, by the verifier that its start answered.",
  body: z.object({ verifier: verifierText }),
  handle: ({ services, caller, body }) => answerFor(body.verifier, caller, services),
});

async function answerFor(verifier: string, caller: Caller, { db, now }: Services): Promise<Answer> {
  const request = await findByVerifier(db, await sha256Base64url(verifier.toWellFormed()));
  if (request === null || !isOfCaller(request, caller)) throw new ApiError("not_found");
  return { status: 200, body: resultOf(request, now()) };
}

/** Whose project and environment it is; and everybody of the team, for whom the verifier speaks. */
export function isOfCaller(
  { projectId, environment }: Pick<AuthorizationRequest, "projectId" | "environment">,
  caller: Pick<Caller, "projectId" | "environment">,
): boolean {
  if (caller.projectId === null) return true;
  return caller.projectId === projectId && (caller.environment === null || caller.environment === environment);
}
