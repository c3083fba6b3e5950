import type { InstallRequest } from "../installing/install-row.ts";
import { findInstall, findInstallByVerifier } from "../installing/install-store.ts";
import type { Database } from "../store/database.ts";
import { kindOf } from "./flow-table.ts";
import type { AuthorizationRequest } from "./request-row.ts";
import { findByVerifier, findRequest } from "./request-store.ts";

export type AnyRequest = AuthorizationRequest | InstallRequest;

export function findFlow(db: Database, id: string): Promise<AnyRequest | null> {
  return kindOf(id) === "installation" ? findInstall(db, id) : findRequest(db, id);
}

export async function findFlowByVerifier(db: Database, verifierHash: string): Promise<AnyRequest | null> {
  return (await findByVerifier(db, verifierHash)) ?? (await findInstallByVerifier(db, verifierHash));
}
