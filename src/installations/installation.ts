import type { InstalledAt } from "../catalog/installations.ts";

/** `removed`: the provider no longer has it. The record stays for the links that name it, until it is installed again. */
export const INSTALLATION_STATES = ["active", "suspended", "removed"] as const;
export type InstallationState = (typeof INSTALLATION_STATES)[number];

/** Our stable record of a connector being installed in one tenant of its provider. */
export interface Installation extends InstalledAt {
  /** `ins_…`; the same after a re-install. */
  id: string;
  connectorId: string;
  state: InstallationState;
  /** When the provider last changed it, by its own clock; null = unknown. */
  changedAtMs: number | null;
  /** On the team's logical clock: tokens from before are dead. */
  revokedBeforeMs: number;
  createdAtMs: number;
  updatedAtMs: number;
}
