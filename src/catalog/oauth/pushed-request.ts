import { pushedAuthorizationRequest } from "oauth4webapi";
import * as z from "zod/mini";
import { fail, ok, type Result } from "../../errors.ts";
import { parseJson } from "../../outbound/guarded-fetch.ts";
import type { DriverDeps } from "../driver.ts";
import type { AuthorizationUrlRequest } from "../driver-requests.ts";
import type { OAuthConfig } from "./config.ts";
import { classifyErrorAnswer } from "./errors.ts";
import { policyOf } from "./grant-policy.ts";
import { callEndpoint, texts } from "./token-endpoint.ts";

const pushedBody = z.object({ request_uri: z.string().check(z.regex(/^[\x21-\x7E]{1,2048}$/)) });

/**
 * The `request_uri` under which the server keeps the parameters (RFC 9126 §2.2). Any answer but 201 with such a
 * reference is a failure, also where pushing is optional: a request must not be unprotected because something broke.
 */
export async function pushAuthorizationRequest(
  request: AuthorizationUrlRequest<OAuthConfig>,
  parameters: URLSearchParams,
  deps: DriverDeps,
): Promise<Result<string>> {
  const answer = await callEndpoint(
    "pushed_authorization_request_endpoint",
    request,
    deps,
    ({ server, client, authentication, options }) =>
      pushedAuthorizationRequest(server, client, authentication, parameters, options),
  );
  if (!answer.ok) return answer;
  if (answer.value.status !== 201) {
    const quoted = [...texts(Object.values(request.secrets)), request.state, request.nonce];
    const judging = { nowMs: deps.now(), quoted, grant: "other", policy: policyOf(request.config) } as const;
    return { ok: false, failure: classifyErrorAnswer(answer.value, judging) };
  }
  const json = parseJson(answer.value);
  if (!json.ok) return json;
  const parsed = pushedBody.safeParse(json.value);
  if (parsed.success) return ok(parsed.data.request_uri);
  return fail("upstream_invalid_response", { reason: "pushed authorization response: bad request_uri" });
}
