import { sha256Base64url } from "../crypto/digest.ts";
import type { SealedFlowSecrets } from "./flow-secrets.ts";
import type { Step } from "./request-store.ts";

/** How long the app may take to complete. */
const LONGEST_WAIT_MS = 60_000;
/** Left of the provider's code for the exchange. */
const EXCHANGE_MARGIN_MS = 10_000;

/** How long a connect code lives, where the provider's code lives so long (ms; null = there is none). */
function connectCodeLifetimeMs(codeLifetimeMs: number | null): number {
  const left = codeLifetimeMs === null ? LONGEST_WAIT_MS : codeLifetimeMs - EXCHANGE_MARGIN_MS;
  // A provider whose codes live shorter than the margin leaves little; what is left is still worth a try.
  return Math.min(LONGEST_WAIT_MS, Math.max(left, 1000));
}

/** The user is back, and the app has to complete; if it does not, the request ends and nothing was exchanged. */
export async function returnedStep(
  from: Step["from"],
  { connectCode, secrets }: { connectCode: string; secrets: SealedFlowSecrets },
  codeLifetimeMs: number | null,
  nowMs: number,
): Promise<Step> {
  return {
    from,
    to: "returned",
    connectCodeHash: await sha256Base64url(connectCode),
    secrets,
    expiresAtMs: nowMs + connectCodeLifetimeMs(codeLifetimeMs),
  };
}
