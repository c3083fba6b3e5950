import { driverOf } from "../catalog/registry.ts";
import type { Connector } from "../connectors/connector-row.ts";
import type { LeaseSettings } from "../connectors/lease-change.ts";
import type { GrantRevocation } from "../grants/protocol.ts";
import type { Services } from "../services.ts";
import { effectiveByMs } from "./lease.ts";

/** The counters of contract §3; every one an integer, whatever the provider can do. */
export interface RevocationReport extends GrantRevocation {
  local: "revoked";
  /** What the provider knows: still being told, told, or nothing to tell it. */
  upstream: "pending" | "done" | "unsupported";
  /** After this moment no revoked token is issued any more (ms). Tokens handed out before live as the provider lets them. */
  effectiveBy: number;
  /** Present while grants are still being told in the background. */
  progress?: { grantsTold: number };
}

const NOTHING: GrantRevocation = {
  tokensFound: 0,
  deleted: 0,
  providerRevoked: 0,
  providerSkipped: 0,
  providerFailed: 0,
  providerPending: 0,
};

/** Add up what several grants did. */
export function sumRevocations(parts: GrantRevocation[]): GrantRevocation {
  return parts.reduce(
    (sum, part) => ({
      tokensFound: sum.tokensFound + part.tokensFound,
      deleted: sum.deleted + part.deleted,
      providerRevoked: sum.providerRevoked + part.providerRevoked,
      providerSkipped: sum.providerSkipped + part.providerSkipped,
      providerFailed: sum.providerFailed + part.providerFailed,
      providerPending: sum.providerPending + part.providerPending,
    }),
    NOTHING,
  );
}

/** `supported`: whether the connector's provider can revoke at all. */
export function revocationReport(
  counts: GrantRevocation,
  facts: { supported: boolean; walking: boolean; grantsTold: number; effectiveByMs: number },
): RevocationReport {
  const pending = facts.walking || counts.providerPending > 0;
  return {
    ...counts,
    local: "revoked",
    upstream: !facts.supported ? "unsupported" : pending ? "pending" : "done",
    effectiveBy: facts.effectiveByMs,
    ...(facts.walking ? { progress: { grantsTold: facts.grantsTold } } : {}),
  };
}

/** What a revocation came to, for its answer. */
export function reportOf(
  connector: Connector,
  lease: LeaseSettings,
  counts: GrantRevocation,
  progress: { walking: boolean; grantsTold: number },
  { now }: Pick<Services, "now">,
): RevocationReport {
  const supported = driverOf(connector.type)?.capabilities(connector.config).supportsRevocation ?? false;
  return revocationReport(counts, { supported, ...progress, effectiveByMs: effectiveByMs(lease, now()) });
}
