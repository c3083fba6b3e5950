import { randomBytes } from "../crypto/random.ts";
import { consoleLogger } from "../log.ts";
import { newId } from "../store/ids.ts";
import { failureOf, failureResponse } from "./answer.ts";

/** The answer of a deployment whose settings cannot be used: 503 to anyone, the cause to the log only. */
export function unusableResponse(error: unknown): Response {
  const requestId = newId("req", randomBytes);
  const failure = failureOf(error);
  consoleLogger().error("deployment_unusable", {
    requestId,
    errorCode: failure.code,
    reason: failure.message ?? failure.reason,
  });
  return failureResponse(
    {
      code: failure.code === "key_missing" ? "key_missing" : "storage_unavailable",
      message: "This deployment is not configured correctly. Its operator finds the cause in the log.",
    },
    requestId,
    false,
  );
}
