import { unwrap } from "../errors.ts";
import { runtimeEndpoint } from "../http/endpoint.ts";
import { bypassKey, workBudget } from "../limits/work-budget.ts";
import { callerScope, effectiveSubject } from "./authorize.ts";
import { tokenFor } from "./ladder.ts";
import type { ConnectorSnapshot } from "./snapshot.ts";
import { parseTokenRequest, tokenRequestBody } from "./token-request.ts";
import { tokenWire } from "./token-wire.ts";

/** `POST /v1/connect/token/{connector}`: the product. A warm request reads no database and calls no object. */
export const issueToken = runtimeEndpoint({
  body: tokenRequestBody,
  bodyOptional: true,
  bodyRepeats: true,
  spendsItself: true,
  async handle({ services, caller, params, body, headers, defer, note }) {
    const { limits, now } = services;
    const connectorRef = params.c ?? "";
    const scope = unwrap(callerScope(caller));
    const request = unwrap(parseTokenRequest(body));
    const subject = unwrap(effectiveSubject(caller, request.subject));
    note({ subjectType: subject.type });
    const insists = request.rejectedTokenId !== null || /\bno-cache\b/i.test(headers.get("cache-control") ?? "");
    const mayInsist = insists ? await limits.take("bypass", bypassKey(caller, connectorRef)) : null;
    const grantClosed = mayInsist === null || mayInsist.ok ? null : mayInsist.failure;
    if (grantClosed !== null) note({ limit: "bypass" });
    const question = {
      connectorRef,
      scope,
      request: { ...request, subject },
      bypassCaches: insists && grantClosed === null,
      grantClosed,
      budget: workBudget(limits, caller),
      onSnapshot: ({ connector: { id, uid, type } }: ConnectorSnapshot) =>
        note({ connectorId: id, connectorUid: uid, connectorType: type }),
    };
    const { token, snapshot, rung, minted } = unwrap(await tokenFor(question, services, defer));
    const nowMs = now();
    note({ rung, minted, leaseLeftMs: Math.max(0, token.leaseUntilMs - nowMs) });
    const { validityBufferMs } = request;
    return { status: 200, body: tokenWire(token, snapshot, { validityBufferMs, nowMs }) };
  },
});
