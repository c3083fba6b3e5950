import type { Captures } from "./json-captures.ts";
import { JsonScanner } from "./json-scanner.ts";

/** The scalars at `pointers` in a whole text; null when it is no JSON. */
export function scanJson(pointers: Iterable<string>, text: Uint8Array): Captures | null {
  const scanner = new JsonScanner(pointers);
  scanner.write(text);
  return scanner.finish();
}
