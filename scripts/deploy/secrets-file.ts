import { readFile, rename, writeFile } from "node:fs/promises";
import { parseEnv } from "node:util";

/** What a deployment cannot be rebuilt without. Kept on the operator's machine, since Cloudflare shows no secret again. */
export interface SecretsFile {
  MASTER_KEYS?: string;
  SETUP_TOKEN?: string;
  PUBLIC_ORIGIN?: string;
  /** Keys that left the ring, which backups from before may still need. */
  RETIRED_MASTER_KEYS?: string;
}

const NAMES = ["MASTER_KEYS", "SETUP_TOKEN", "PUBLIC_ORIGIN", "RETIRED_MASTER_KEYS"] as const;

/** The secrets of the file, where the process environment has none; both are optional. */
export async function readSecrets(path: string, environment: NodeJS.ProcessEnv): Promise<SecretsFile> {
  const stored = await readVariables(path);
  const secrets: SecretsFile = {};
  for (const name of NAMES) {
    const value = environment[name] || stored[name];
    if (value) secrets[name] = value;
  }
  return secrets;
}

/** Replaces the file as a whole, readable by its owner only. */
export async function writeSecrets(path: string, secrets: SecretsFile): Promise<void> {
  const lines = NAMES.flatMap((name) => (secrets[name] === undefined ? [] : [`${name}="${secrets[name]}"\n`]));
  const next = `${path}.next`;
  await writeFile(next, lines.join(""), { mode: 0o600 });
  // In one move: a full disk or a crash must not leave half a key ring behind.
  await rename(next, path);
}

async function readVariables(path: string): Promise<NodeJS.Dict<string>> {
  try {
    return parseEnv(await readFile(path, "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
    throw error;
  }
}
