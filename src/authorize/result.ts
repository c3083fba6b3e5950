import { describeError, type ErrorCode } from "../errors.ts";
import type { AuthorizationRequest } from "./request-row.ts";
import { type FinalStatus, resultStatus } from "./transitions.ts";

/** How an authorization stands, for its app (contract §3). */
export interface AuthorizationResult {
  status: "pending" | FinalStatus;
  data?: { clientId: string };
  error?: { code: ErrorCode; message: string; vendor?: { error: string } };
}

/** Never a token, and of what a provider said its code at most. */
export function resultOf(request: AuthorizationRequest, nowMs: number): AuthorizationResult {
  const status = resultStatus(request, nowMs);
  if (status === "pending") return { status };
  if (status === "success") return { status, data: { clientId: request.connectorId } };
  const code = status === "expired" ? "flow_expired" : (request.errorCode ?? "internal_error");
  const { providerError } = request;
  return {
    status,
    error: {
      code,
      message: describeError(code).sentence,
      ...(providerError !== null && { vendor: { error: providerError } }),
    },
  };
}
