import type { IssuedToken } from "../catalog/driver.ts";
import { driverOf } from "../catalog/registry.ts";
import { type Credentials, loadCredentials } from "../connectors/credentials.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import { type Failure, fail, ok, type Result } from "../errors.ts";
import type { GrantDeps } from "./deps.ts";
import { providerOutcome } from "./failure-memory.ts";
import type { GrantTokenRequest } from "./protocol.ts";

/** Bounds one attempt from its journal row to its end; the outbound calls have limits of their own below it. */
export const ATTEMPT_TIMEOUT_MS = 20_000;

/** A token, and who issued it (`Driver.provider`). */
export interface Minted {
  issued: IssuedToken;
  provider: string;
}

/** The steps of a mint that the Grant carries out on its own storage. */
export interface MintJournal {
  begin(): void;
  /** Runs with no I/O between the provider's last byte and its first write. Fails where the token may not be kept. */
  commit(minted: Minted): Promise<Result<void>>;
  fail(failure: Failure): void;
}

/**
 * Get one token from the provider: credentials from the primary, the gate's permit, the journal, the call, the
 * commit. Whatever the gate should tell the connector's other grants is reported after the commit.
 */
export async function mint(
  request: GrantTokenRequest,
  keys: KeyRing,
  deps: GrantDeps,
  journal: MintJournal,
  defer: (work: Promise<unknown>) => void,
): Promise<Result<void>> {
  const { connectorId } = request.identity;
  const credentials = await loadCredentials(deps.db, keys, request.teamId, connectorId);
  if (!credentials.ok) return credentials;
  const { configRevision } = credentials.value;

  const gate = deps.gate(connectorId, request.connector.region);
  const permit = await gate.acquire({ priority: "foreground", configRevision });
  if (!permit.ok) return permit;
  journal.begin();
  const minted = await ask(request, credentials.value, keys, deps);
  let result: Result<void> = minted.ok ? ok(undefined) : minted;
  if (minted.ok) result = await journal.commit(minted.value);
  else journal.fail(minted.failure);

  // What the provider did, not what became of it here.
  const failure = minted.ok ? null : minted.failure;
  defer(gate.report(permit.value.permit, providerOutcome(failure, configRevision)));
  return result;
}

/** Credentials replaced while the provider was looking at the old ones deserve a look of their own. */
async function ask(
  request: GrantTokenRequest,
  credentials: Credentials,
  keys: KeyRing,
  deps: GrantDeps,
): Promise<Result<Minted>> {
  const { connectorId } = request.identity;
  const minted = await askWith(credentials, request, deps);
  if (minted.ok || minted.failure.code !== "upstream_invalid_client") return minted;
  const current = await loadCredentials(deps.db, keys, request.teamId, connectorId);
  if (!current.ok || current.value.configRevision === credentials.configRevision) return minted;
  return askWith(current.value, request, deps);
}

async function askWith(
  { type, config, secrets }: Credentials,
  { identity, group }: GrantTokenRequest,
  deps: GrantDeps,
): Promise<Result<Minted>> {
  const driver = driverOf(type);
  if (driver === null) return fail("unresolved_token");
  const issued = await driver.mint({ config, secrets, group, connectorId: identity.connectorId }, deps);
  return issued.ok ? ok({ issued: issued.value, provider: driver.provider(config) }) : issued;
}
