import type { Services } from "../services.ts";

/** Stand-in until issuers have login credentials. */
export async function findLogin(issuer: string | null, { db: _db }: Pick<Services, "db">): Promise<object | null> {
  return issuer === null ? null : null;
}
