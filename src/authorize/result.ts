import { describeError, type ErrorCode } from "../errors.ts";
import { type FinalStatus, type Progress, resultStatus } from "./transitions.ts";

/** How an authorization or installation stands, for its app (contract §3). */
export interface AuthorizationResult {
  /** `partial`: the connector was made, and is not installed yet. */
  status: "pending" | "partial" | FinalStatus;
  data?: { clientId: string; installationId?: string };
  error?: { code: ErrorCode; message: string; vendor?: { error: string } };
}

interface Resulting extends Progress {
  connectorId: string;
  errorCode: ErrorCode | null;
  providerError: string | null;
  /** The connector was made on the way. */
  registered?: boolean;
  installationId?: string | null;
}

/** Never a token, and of what a provider said its code at most. */
export function resultOf(request: Resulting, nowMs: number): AuthorizationResult {
  const status = resultStatus(request, nowMs);
  const { connectorId: clientId, installationId, registered = false } = request;
  const data = { data: { clientId, ...(installationId != null && { installationId }) } };
  if (status === "pending") return registered ? { status: "partial", ...data } : { status };
  if (status === "success") return { status, ...data };
  const code = status === "expired" ? "flow_expired" : (request.errorCode ?? "internal_error");
  const { providerError } = request;
  return {
    status,
    ...(registered && data),
    error: {
      code,
      message: describeError(code).sentence,
      ...(providerError !== null && { vendor: { error: providerError } }),
    },
  };
}
