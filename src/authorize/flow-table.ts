/**
 * Where requests are kept, of authorizations and of installations; what only they learn from a step (?5, as JSON); and what
 * ends with one beside its secrets.
 */
export const FLOWS = {
  authorization: {
    table: "authorization_requests",
    learns: `, login_state_hash = coalesce(?5 ->> 'loginStateHash', login_state_hash),
      connect_code_hash = coalesce(?5 ->> 'connectCodeHash', connect_code_hash)`,
    ends: ", connect_code_hash = NULL",
  },
  installation: {
    table: "installation_requests",
    learns: `, external_id = coalesce(?5 ->> 'externalId', external_id),
      installation_id = coalesce(?5 ->> 'installationId', installation_id)`,
    ends: "",
  },
} as const;
export type FlowKind = keyof typeof FLOWS;
export const FLOW_KINDS: readonly FlowKind[] = ["authorization", "installation"];

/** Their ids tell them apart. */
export function kindOf(requestId: string): FlowKind {
  return requestId.startsWith("sci_") ? "installation" : "authorization";
}
