import { unwrap } from "../errors.ts";
import { runtimeEndpoint } from "../http/endpoint.ts";
import { callerScope, effectiveSubject } from "../tokens/authorize.ts";
import { parseTokenRequest } from "../tokens/token-request.ts";
import { authorizeBody, parseOptions } from "./authorize-body.ts";
import { startRequest } from "./start-request.ts";
import { startedAnswer } from "./started-answer.ts";

/** `POST /v1/connect/authorize/{connector}`. */
export const startAuthorization = runtimeEndpoint({
  body: authorizeBody,
  bodyOptional: true,
  async handle({ services, caller, params, body, note, defer }) {
    const scope = unwrap(callerScope(caller));
    const request = unwrap(parseTokenRequest(body));
    const options = unwrap(parseOptions(body));
    const subject = unwrap(effectiveSubject(caller, request.subject));
    const question = { connectorRef: params.c ?? "", scope, request, subject, options };
    const started = await startRequest(question, services, ({ id, uid, type }) =>
      note({ connectorId: id, connectorUid: uid, connectorType: type, subjectType: subject.type }),
    );
    const { connector, service, ...begun } = unwrap(started);
    // An app that waits to be told is told of an expiry in time, too.
    if (options.webhook !== null) defer(services.nudgeHousekeeper());
    return startedAnswer(begun, { ...connector, service }, services);
  },
});
