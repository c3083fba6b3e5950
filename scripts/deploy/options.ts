import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../paths.ts";

/** What the ring is to become; null = it stays. */
export type RingChange =
  | { kind: "add" }
  | { kind: "promote"; kid: string }
  | { kind: "drop"; kid: string }
  /** As it stands in the secrets file. */
  | { kind: "set" };

export interface DeployOptions {
  dryRun: boolean;
  /** As given; what else is known decides without it. */
  origin: string | null;
  /** Where the deployment's secrets are kept on this machine. */
  secretsFile: string;
  ring: RingChange | null;
}

export const USAGE = `npm run deploy -- [options]

  --origin https://…      the public origin (kept in the secrets file after the first deploy)
  --secrets-file FILE     where the secrets are kept on this machine (default: .deploy.vars)
  --dry-run               print every step and command, and do nothing
  --add-key               put a fresh master key behind the others
  --promote-key KID       make that master key the primary one
  --drop-key KID          remove a master key that nothing needs any more
  --set-keys              send MASTER_KEYS of the secrets file as it is
`;

/** The options of a command line. Throws a sentence that says what is wrong with it. */
export function parseOptions(argv: string[]): DeployOptions {
  const { values } = parseArgs({
    args: argv,
    options: {
      origin: { type: "string" },
      "secrets-file": { type: "string" },
      "dry-run": { type: "boolean", default: false },
      "add-key": { type: "boolean", default: false },
      "promote-key": { type: "string" },
      "drop-key": { type: "string" },
      "set-keys": { type: "boolean", default: false },
    },
  });
  const changes: RingChange[] = [];
  if (values["add-key"]) changes.push({ kind: "add" });
  if (values["promote-key"] !== undefined) changes.push({ kind: "promote", kid: values["promote-key"] });
  if (values["drop-key"] !== undefined) changes.push({ kind: "drop", kid: values["drop-key"] });
  if (values["set-keys"]) changes.push({ kind: "set" });
  // A key must have reached every machine before the next step of its rotation.
  if (changes.length > 1) throw new Error("One change of the master keys at a time; let each deploy spread.");
  return {
    dryRun: values["dry-run"],
    origin: values.origin === undefined ? null : checkedOrigin(values.origin),
    secretsFile: values["secrets-file"] ?? join(root, ".deploy.vars"),
    ring: changes[0] ?? null,
  };
}

/** An https origin without a path; throws otherwise. */
export function checkedOrigin(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol !== "https:" || url.origin !== text.replace(/\/$/, "")) {
    throw new Error("The origin must be https and have no path, such as https://connect.example.com.");
  }
  return url.origin;
}
