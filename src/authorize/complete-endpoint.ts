import * as z from "zod/mini";
import { constantTimeEqual, utf8 } from "../crypto/bytes.ts";
import { sha256Base64url } from "../crypto/digest.ts";
import { ApiError, type Failure, fail, ok, type Result, unwrap } from "../errors.ts";
import { runtimeEndpoint } from "../http/endpoint.ts";
import { callerScope } from "../tokens/authorize.ts";
import { authorityOf } from "./authority.ts";
import { type Brought, completeAtGrant, endingOf, endRequest, type FlowContext } from "./flow.ts";
import { type FlowSecrets, openFlow } from "./flow-secrets.ts";
import type { AuthorizationRequest } from "./request-row.ts";
import { countMiss, findByVerifier, takeStep } from "./request-store.ts";
import { resultOf } from "./result.ts";
import { judgeCompletion } from "./transitions.ts";
import { requestOfVerifier, verifierText } from "./verifier.ts";

/** So many wrong codes end the request: whoever has the verifier is guessing. */
const MAX_MISSES = 5;

/** `POST /v1/connect/complete`: the app says that its own user came back, and only then the code is exchanged. */
export const completeAuthorization = runtimeEndpoint({
  body: z.object({ verifier: verifierText, connectCode: z.optional(z.string().check(z.maxLength(256))) }),
  async handle({ services, caller, body, note, defer }) {
    const scope = unwrap(callerScope(caller));
    const { now } = services;
    const request = unwrap(await requestOfVerifier(body.verifier, scope, services, findByVerifier));
    note({ connectorId: request.connectorId, subjectType: "user" });
    const context = { services, defer };
    unwrap(await acceptCode(request, body.connectCode ?? "", context));
    const failure = await exchange(request, context);
    if (failure !== null) throw ApiError.from(failure);
    return { status: 200, body: resultOf({ ...request, status: "success", finishedAtMs: now() }, now()) };
  },
});

/** Spends the connect code. `binding_required`, `binding_mismatch`, `flow_expired`, `flow_already_used`. */
async function acceptCode(request: AuthorizationRequest, code: string, context: FlowContext): Promise<Result<null>> {
  const { services } = context;
  const judged = judgeCompletion(request, code !== "", services.now());
  if ("refuse" in judged) return fail(judged.refuse);
  const presented = await sha256Base64url(code.toWellFormed());
  if (!constantTimeEqual(utf8(presented), utf8(request.connectCodeHash ?? ""))) {
    const mismatch: Failure = { code: "binding_mismatch" };
    if ((await countMiss(services.db, request.id)) >= MAX_MISSES) {
      await endRequest(request, endingOf("returned", mismatch), context);
    }
    return { ok: false, failure: mismatch };
  }
  const isMine = await takeStep(services.db, request.id, { from: "returned", to: "completing" }, services.now());
  return isMine ? ok(null) : fail("flow_already_used");
}

/** What the user brought goes to the Grant. The request ends either way. */
async function exchange(request: AuthorizationRequest, context: FlowContext): Promise<Failure | null> {
  const { services } = context;
  const authority = await authorityOf(request, services);
  const opened = authority.ok ? await openFlow(services, authority.value.snapshot.teamId, request) : authority;
  const brought = opened.ok ? broughtOf(opened.value) : null;
  if (!authority.ok || !opened.ok || brought === null) {
    const failure: Failure = opened.ok ? { code: "internal_error", reason: "nothing was kept" } : opened.failure;
    await endRequest(request, endingOf("completing", failure), context);
    return failure;
  }
  return completeAtGrant(request, authority.value, brought, context);
}

function broughtOf({ provider, code, key }: FlowSecrets): Brought | null {
  if (key !== undefined) return { kind: "key", key };
  if (provider === undefined || code === undefined) return null;
  return { kind: "code", code, codeVerifier: provider.codeVerifier, nonce: provider.nonce };
}
