import type { Driver } from "../catalog/driver.ts";
import { type Credentials, loadCredentials } from "../connectors/credentials.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import { type Failure, fail, ok, type Result } from "../errors.ts";
import type { BackgroundPermit } from "./background-permit.ts";
import type { GrantDeps } from "./deps.ts";
import { providerOutcome } from "./failure-memory.ts";
import type { GrantTokenRequest } from "./protocol.ts";

/** Bounds one attempt from its journal row to its end; the outbound calls have limits of their own below it. */
export const ATTEMPT_TIMEOUT_MS = 20_000;

/** Whom a call is made to, and with what. */
export interface Provider {
  driver: Driver;
  credentials: Credentials;
  /** Who issues tokens (`Driver.provider`). */
  name: string;
}

export interface ProviderCall<T> {
  teamId: string;
  connectorId: string;
  region: GrantTokenRequest["connector"]["region"];
  /** Null = somebody waits, and the gate is asked for one. */
  permit: BackgroundPermit | null;
  /** The last word before anything is sent, and the journal. A failure: nothing is sent. Writes, and awaits nothing. */
  begin(provider: Provider): Result<void>;
  ask(provider: Provider): Promise<Result<T>>;
  /** Runs with no I/O between the provider's last byte and its first write. Fails where the token may not be kept. */
  commit(answer: T, provider: Provider): Promise<Result<void>>;
  /** What the provider did instead; `undefined` never comes here. */
  fail(failure: Failure): void;
}

/**
 * One call of the provider: credentials from the primary, the gate's permit, the journal, the call, the commit.
 * Whatever the gate should tell the connector's other grants is reported after the commit.
 */
export async function callProvider<T>(
  call: ProviderCall<T>,
  keys: KeyRing,
  deps: GrantDeps,
  defer: (work: Promise<unknown>) => void,
): Promise<Result<void>> {
  const { connectorId } = call;
  const loaded = await providerOf(call, keys, deps);
  if (!loaded.ok) return loaded;
  const { configRevision } = loaded.value.credentials;

  const gate = deps.gate(connectorId, call.region);
  const held = call.permit;
  let permit = held?.permit ?? "";
  // The connector was changed since the gate was asked, so it may know other things of these credentials.
  if (held?.configRevision !== configRevision) {
    const acquired = await gate.acquire({ priority: "foreground", configRevision });
    if (!acquired.ok) return acquired;
    permit ||= acquired.value.permit;
  }
  const report = (failure: Failure | null) => {
    if (held !== null) held.isReported = true;
    defer(gate.report(permit, providerOutcome(failure, configRevision)));
  };
  const begun = call.begin(loaded.value);
  if (!begun.ok) {
    report(begun.failure);
    return begun;
  }
  const { answer, provider } = await ask(call, loaded.value, keys, deps);
  let result: Result<void> = answer.ok ? ok(undefined) : answer;
  if (answer.ok) result = await call.commit(answer.value, provider);
  else call.fail(answer.failure);

  // What the provider did, not what became of it here.
  report(answer.ok ? null : answer.failure);
  return result;
}

/** Credentials replaced while the provider was looking at the old ones deserve a look of their own. */
async function ask<T>(
  call: ProviderCall<T>,
  provider: Provider,
  keys: KeyRing,
  deps: GrantDeps,
): Promise<{ answer: Result<T>; provider: Provider }> {
  const answer = await call.ask(provider);
  if (answer.ok || answer.failure.code !== "upstream_invalid_client") return { answer, provider };
  const current = await providerOf(call, keys, deps);
  const unchanged = !current.ok || current.value.credentials.configRevision === provider.credentials.configRevision;
  // What was journaled for one provider is not sent to another.
  if (unchanged || current.value.name !== provider.name) return { answer, provider };
  return { answer: await call.ask(current.value), provider: current.value };
}

/** The provider that a connector names by now, read from the database; `unresolved_token` for an unknown type. */
export async function providerOf(
  { teamId, connectorId }: Pick<ProviderCall<unknown>, "teamId" | "connectorId">,
  keys: KeyRing,
  { db, driverOf }: Pick<GrantDeps, "db" | "driverOf">,
): Promise<Result<Provider>> {
  const credentials = await loadCredentials(db, keys, teamId, connectorId);
  if (!credentials.ok) return credentials;
  const driver = driverOf(credentials.value.type);
  if (driver === null) return fail("unresolved_token");
  return ok({ driver, credentials: credentials.value, name: driver.provider(credentials.value.config) });
}
