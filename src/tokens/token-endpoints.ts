import { unwrap } from "../errors.ts";
import { runtimeEndpoint } from "../http/endpoint.ts";
import { callerScope, effectiveSubject } from "./authorize.ts";
import { tokenFor } from "./ladder.ts";
import { parseTokenRequest, tokenRequestBody } from "./token-request.ts";
import { tokenWire } from "./token-wire.ts";

/** `POST /v1/connect/token/{connector}`: the product. A warm request reads no database and calls no object. */
export const issueToken = runtimeEndpoint({
  summary: "Get a short-lived provider token for a linked connector.",
  body: tokenRequestBody,
  bodyOptional: true,
  async handle({ services, caller, params, body, headers, defer }) {
    const scope = unwrap(callerScope(caller));
    const request = unwrap(parseTokenRequest(body));
    const subject = unwrap(effectiveSubject(caller, request.subject));
    const bypassCaches = request.rejectedTokenId !== null || /\bno-cache\b/i.test(headers.get("cache-control") ?? "");
    const question = { connectorRef: params.c ?? "", scope, request: { ...request, subject }, bypassCaches };
    const { token, snapshot, rung } = unwrap(await tokenFor(question, services, defer));
    return { status: 200, body: tokenWire(token, snapshot), log: { rung } };
  },
});
