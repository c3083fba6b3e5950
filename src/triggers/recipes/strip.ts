import { JsonScanner } from "./json-scanner.ts";

/**
 * A copy of a JSON text in which every byte of the texts at `pointers` is an `x`: for shared secrets that a provider
 * puts into the body. A body that is no JSON is blanked as far as it can be read.
 */
export function blankPointers(body: Uint8Array<ArrayBuffer>, pointers: Iterable<string>): Uint8Array<ArrayBuffer> {
  const blanked = body.slice();
  new JsonScanner(pointers, (start, end) => blanked.fill(LOWER_X, start, end)).write(body);
  return blanked;
}

const LOWER_X = 0x78;
