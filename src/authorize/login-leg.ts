import { fail, type Result } from "../errors.ts";
import type { Services } from "../services.ts";
import type { Leg } from "./flow-secrets.ts";
import type { AuthorizationRequest } from "./request-row.ts";

/** Stand-in until issuers have login credentials. */
export async function loginUrl(
  _request: AuthorizationRequest,
  _leg: Leg,
  _services: Services,
): Promise<Result<string>> {
  return fail("login_unavailable");
}
