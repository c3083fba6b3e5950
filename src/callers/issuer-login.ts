import type { SealContext } from "../crypto/envelope.ts";

/** Where the client secret lies with which users sign in at an issuer. */
export function loginSecretContext(team: string, rowId: string, generation: number): SealContext {
  return { team, table: "issuers", column: "login_secret", rowId, generation };
}
