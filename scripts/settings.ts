import { randomBytes } from "node:crypto";
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { root } from "./paths.ts";

type Variables = Record<string, string | undefined>;

export interface LocalSettings {
  port: number;
  stateDir: string;
  vars: Record<string, string>;
}

/** Where keys live between runs of `npm run dev`. */
export const keyFile = join(root, ".dev.vars");

/** A fresh `MASTER_KEYS` ring of one key: `k1:` and 32 random bytes in base64. */
export function freshMasterKeys(): string {
  return `k1:${randomBytes(32).toString("base64")}`;
}

/** A fresh token that claims a deployment once. */
export function freshSetupToken(): string {
  return randomBytes(24).toString("base64url");
}

/** `.dev.vars` as it is, after adding fresh keys for those that neither it nor the environment has. */
export async function readKeyFile(environment: Variables): Promise<Variables> {
  const stored = await readVariables(keyFile);
  const fresh: Record<string, string> = {};
  if (!(environment.MASTER_KEYS || stored.MASTER_KEYS)) fresh.MASTER_KEYS = freshMasterKeys();
  if (!(environment.SETUP_TOKEN || stored.SETUP_TOKEN)) fresh.SETUP_TOKEN = freshSetupToken();
  const lines = Object.entries(fresh).map(([name, value]) => `${name}="${value}"\n`);
  // A file that somebody wrote may lack the line break at its end.
  if (Object.keys(stored).length > 0) lines.unshift("\n");
  if (Object.keys(fresh).length > 0) await appendFile(keyFile, lines.join(""), { mode: 0o600 });
  return { ...stored, ...fresh };
}

async function readVariables(path: string): Promise<Variables> {
  try {
    return parseEnv(await readFile(path, "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
    throw error;
  }
}

/** Settings by precedence: process environment, then file, then default. Empty counts as absent. */
export function resolveSettings(environment: Variables, file: Variables): LocalSettings {
  const read = (name: string): string | undefined => environment[name] || file[name] || undefined;
  const port = parsePort(read("PORT"));
  const publicOrigin = read("PUBLIC_ORIGIN") ?? `http://127.0.0.1:${port}`;
  const allowLoopback = read("ALLOW_LOOPBACK") ?? (isLoopbackHttp(publicOrigin) ? "true" : undefined);
  const vars: Variables = {
    MASTER_KEYS: read("MASTER_KEYS"),
    SETUP_TOKEN: read("SETUP_TOKEN"),
    PUBLIC_ORIGIN: publicOrigin,
    ALLOW_LOOPBACK: allowLoopback,
  };
  return {
    port,
    stateDir: read("VALETKEY_STATE_DIR") ?? join(root, ".valetkey"),
    vars: Object.fromEntries(Object.entries(vars).filter((entry): entry is [string, string] => entry[1] !== undefined)),
  };
}

/** A port from its text, 8787 when absent; throws a sentence that says what is wrong. */
export function parsePort(text: string | undefined): number {
  if (text === undefined || text === "") return 8787;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Error("PORT must be a whole number between 1 and 65535.");
  }
  return port;
}

function isLoopbackHttp(origin: string): boolean {
  const url = URL.parse(origin);
  return (
    url?.protocol === "http:" &&
    (/^127(\.\d+){3}$/.test(url.hostname) || /^(.+\.)?localhost$|^\[::1\]$/.test(url.hostname))
  );
}
