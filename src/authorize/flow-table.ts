/** Where requests are kept, of authorizations and of installations, and what ends with one beside its secrets. */
export const FLOWS = {
  authorization: { table: "authorization_requests", ends: ", connect_code_hash = NULL" },
  installation: { table: "installation_requests", ends: "" },
} as const;
export type FlowKind = keyof typeof FLOWS;
export const FLOW_KINDS: readonly FlowKind[] = ["authorization", "installation"];

/** Their ids tell them apart. */
export function kindOf(requestId: string): FlowKind {
  return requestId.startsWith("sci_") ? "installation" : "authorization";
}
