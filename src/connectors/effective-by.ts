import { effectiveByMs } from "../tokens/lease.ts";
import type { LeaseSettings } from "./lease-change.ts";

/** The header of a moment (ms) after which nothing that was just taken away is issued any more. */
export function effectiveByTime(atMs: number): Record<string, string> {
  return { "valetkey-effective-by": String(atMs) };
}

/** For an answer without a body: the moment (ms) after which nothing that was just taken away is issued any more. */
export function effectiveByHeader(lease: LeaseSettings, nowMs: number): Record<string, string> {
  return effectiveByTime(effectiveByMs(lease, nowMs));
}
