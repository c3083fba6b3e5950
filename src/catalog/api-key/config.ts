import * as z from "zod";
import { scopeToken } from "../scopes.ts";

const MAX_VALUES = 50;

/** Printable ASCII, so that a value can be sent in a header and a stray line break is noticed when it is saved. */
const keyValue = z.string().regex(/^[\x20-\x7E]{1,8192}$/, "must be 1 to 8192 printable ASCII characters");
/** Milliseconds since the epoch; digits are accepted as text, which typed clients may send. */
const expiresAt = z.union([
  z.int().min(0),
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number),
]);
const optionalScope = z.union([scopeToken, z.literal("")]).nullish();
const optionalExpiry = z.union([expiresAt, z.literal("")]).nullish();
const instructions = z.string().max(10_000);

const newValue = z.strictObject({ value: keyValue, scope: optionalScope, expiresAt: optionalExpiry });

/** `data` of a create body for type `api-key`. */
export const apiKeyInput = z.strictObject({
  subjectType: z.enum(["app", "user"]).default("app"),
  values: z.array(newValue).max(MAX_VALUES).default([]),
  serviceUrls: z.array(z.string().max(2048)).max(20).default([]),
  instructions: instructions.optional(),
});

/** `data` of an update body. A `value` of null stays; a `scope` or `expiresAt` of null or "" is removed. */
export const apiKeyUpdate = z.strictObject({
  toAdd: z.array(newValue).max(MAX_VALUES).default([]),
  toUpdate: z
    .array(
      z.strictObject({
        id: z.string().max(64),
        value: keyValue.nullish(),
        scope: optionalScope,
        expiresAt: optionalExpiry,
      }),
    )
    .max(MAX_VALUES)
    .default([]),
  toDelete: z.array(z.string().max(64)).max(MAX_VALUES).default([]),
  instructions: instructions.optional(),
});

const storedValue = z.object({
  id: z.string(),
  scope: z.string().nullable(),
  expiresAtMs: z.number().nullable(),
});
export type StoredValue = z.output<typeof storedValue>;

/** An `api-key` connector as it is stored; the values themselves are its secrets, named by `secretName`. */
export const apiKeyConfig = z.object({
  subjectType: z.enum(["app", "user"]),
  /** In the order in which they were added. */
  values: z.array(storedValue).max(MAX_VALUES),
  serviceUrls: z.array(z.string()),
  instructions: z.string().nullable(),
});
export type ApiKeyConfig = z.output<typeof apiKeyConfig>;

export function secretName(valueId: string): string {
  return `value:${valueId}`;
}

/** Empty text and null both mean "none". */
export function orNull<T>(given: T | "" | null | undefined): T | null {
  return given === undefined || given === "" ? null : given;
}
