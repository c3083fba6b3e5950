import * as z from "zod/mini";
import type { Caller } from "../callers/caller.ts";
import { unwrap } from "../errors.ts";
import { type Answer, runtimeEndpoint } from "../http/endpoint.ts";
import type { Services } from "../services.ts";
import { findFlowByVerifier } from "./find-flow.ts";
import { resultOf } from "./result.ts";
import { requestOfVerifier, verifierText } from "./verifier.ts";

/** `GET /v1/connect/result/{verifier}`, for clients that know no other; logs name the pattern, never the path. */
export const getResult = runtimeEndpoint({
  handle: ({ services, caller, params }) => answerFor(params.id ?? "", caller, services),
});

/** `POST /v1/connect/result`: the same, with the secret in the body. */
export const postResult = runtimeEndpoint({
  body: z.object({ verifier: verifierText }),
  handle: ({ services, caller, body }) => answerFor(body.verifier, caller, services),
});

async function answerFor(verifier: string, caller: Caller, services: Services): Promise<Answer> {
  const request = unwrap(await requestOfVerifier(verifier, caller, services, findFlowByVerifier));
  return { status: 200, body: resultOf(request, services.now()) };
}
