import type { SubjectType } from "./driver.ts";

/** What a connector can do, derived from its driver and configuration. */
export interface Capabilities {
  supportedSubjectTypes: SubjectType[];
  supportsInstallation: boolean;
  supportsRevocation: boolean;
  supportsIcon: "true" | "false" | "maybe";
  /** Whose tokens are of one installation; with `crossInstallation`, others' reach all of the connector's. */
  installedSubjects?: SubjectType[];
  /** `shared` where the provider cannot separate environments, such as with static keys; of an installation it never can. */
  partition: "environment" | "shared";
  appTokens?: TokenCapabilities;
  userTokens?: TokenCapabilities & { manualCredentialInput?: boolean };
  /** The provider's own page of what this connector is there. */
  clientUrl?: string;
  /** Pages of the service for people, where they are known. */
  sites?: { website?: string; devsite?: string; docsite?: string };
}

export interface TokenCapabilities {
  crossInstallation: boolean;
  supportsRefinement: boolean;
  supportsResources?: boolean;
  scopes?: string[];
  supportedAuthorizationDetails?: string[];
  /** Changing what the app may do needs every tenant's consent. */
  requiresReinstallation?: boolean;
  /** Where an operator changes that. */
  permissionsUrl?: string;
}
