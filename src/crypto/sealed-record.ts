import * as z from "zod/mini";
import { fail, ok, type Result } from "../errors.ts";
import { open, type SealContext, type Sealed, seal } from "./envelope.ts";
import type { KeyRing } from "./key-ring.ts";
import { Secret } from "./secret.ts";

const stored = z.record(z.string(), z.string());

/** Secrets by name as one envelope. */
export function sealRecord(
  { keys, randomBytes }: { keys: KeyRing; randomBytes: (length: number) => Uint8Array<ArrayBuffer> },
  context: SealContext,
  secrets: Record<string, string>,
): Promise<Sealed> {
  return seal(keys, context, Secret.of(JSON.stringify(secrets)), randomBytes);
}

/** The secrets by name. `key_missing` or `decryption_failed`. */
export async function openRecord(
  keys: KeyRing,
  context: SealContext,
  sealed: string,
): Promise<Result<Record<string, Secret>>> {
  const opened = await open(keys, context, sealed);
  if (!opened.ok) return opened;
  const secrets = parsed(opened.value.expose());
  if (secrets === null) return fail("decryption_failed", { reason: `secrets of ${context.rowId} do not parse` });
  return ok(Object.fromEntries(Object.entries(secrets).map(([name, text]) => [name, Secret.of(text)])));
}

/** The parser's message would quote its input. */
function parsed(text: string): Record<string, string> | null {
  try {
    return stored.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
