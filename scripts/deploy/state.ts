import type { DeployOptions } from "./options.ts";
import type { SecretsFile } from "./secrets-file.ts";
import type { Wrangler } from "./wrangler.ts";

/** What a deploy needs of the world. */
export interface DeployDeps {
  environment: NodeJS.ProcessEnv;
  wrangler: Wrangler;
  fetch: (url: string) => Promise<Response>;
  /** Asks the operator; null where nobody can be asked. */
  ask: (question: string) => Promise<string | null>;
  write: (text: string) => void;
  sleep: (ms: number) => Promise<unknown>;
}

/** What the steps find out and hand on. */
export interface DeployState {
  options: DeployOptions;
  deps: DeployDeps;
  /** As they lie in the file. */
  stored: SecretsFile;
  /** … and as they are in force here: the environment comes first. */
  secrets: SecretsFile;
  origin: string;
  /** Names of the secrets that the Worker has; null before the first deploy. */
  present: ReadonlySet<string> | null;
  databaseIsNew: boolean;
  bookmark: string | null;
  /** Whether the deployment has an owner. */
  claimed: boolean;
}

/** Why the deploy stops, in a sentence for the operator. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

/** The names that the Worker cannot do without. */
export const REQUIRED = ["MASTER_KEYS", "SETUP_TOKEN", "PUBLIC_ORIGIN"] as const;

/** The required secrets that the Worker does not have. */
export function missingNames({ present }: Pick<DeployState, "present">): (typeof REQUIRED)[number][] {
  return REQUIRED.filter((name) => present === null || !present.has(name));
}

/** Whether this deploy sends MASTER_KEYS. */
export function sendsRing(state: Pick<DeployState, "options" | "present">): boolean {
  return state.options.ring !== null || missingNames(state).includes("MASTER_KEYS");
}
