import { inject } from "vitest";
import * as z from "zod";
import type { VectorFile } from "./files.ts";

const bytes = z.string().transform((text) => Uint8Array.fromHex(text));
const common = { tcId: z.int(), result: z.enum(["valid", "invalid"]) };

/** One file: what the tests of a group share, and the tests. */
const file = <Group extends z.ZodRawShape, Test extends z.ZodRawShape>(group: Group, test: Test) =>
  z.object({
    numberOfTests: z.int(),
    testGroups: z.array(z.object({ ...group, tests: z.array(z.object({ ...common, ...test })) })),
  });

export const AesGcm = file({}, { key: bytes, iv: bytes, aad: bytes, msg: bytes, ct: bytes, tag: bytes });
export const Hmac = file({ tagSize: z.int() }, { key: bytes, msg: bytes, tag: bytes });
export const Hkdf = file({}, { ikm: bytes, salt: bytes, info: bytes, size: z.int(), okm: bytes });
export const Ecdsa = file({ publicKey: z.object({ uncompressed: bytes }) }, { msg: bytes, sig: bytes });

interface Vectors<Group> {
  numberOfTests: number;
  testGroups: Group[];
}

/** The vectors of a file, each with its group; throws when it is not there or has another number of them than it says. */
export function vectorsOf<Test, Group extends { tests: Test[] }>(
  name: VectorFile,
  schema: z.ZodType<Vectors<Group>>,
): { group: Group; vector: Group["tests"][number] }[] {
  const text = inject("wycheproof")[name] ?? "null";
  const { numberOfTests, testGroups } = schema.parse(JSON.parse(text));
  const vectors = testGroups.flatMap((group) => group.tests.map((vector) => ({ group, vector })));
  if (vectors.length !== numberOfTests) throw new Error(`${name} has ${vectors.length} tests, not ${numberOfTests}`);
  return vectors;
}
