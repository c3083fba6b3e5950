import * as z from "zod/mini";
import { scopeToken } from "../scopes.ts";

const MAX_VALUES = 50;

/** Printable ASCII, so that a value can be sent in a header and a stray line break is noticed when it is saved. */
const keyValue = z.string().check(z.regex(/^[\x20-\x7E]{1,8192}$/, "must be 1 to 8192 printable ASCII characters"));
/** Milliseconds since the epoch; digits are accepted as text, which typed clients may send. */
const expiresAt = z.union([
  z.int().check(z.gte(0)),
  z.pipe(z.string().check(z.regex(/^\d{1,15}$/)), z.transform(Number)),
]);
const optionalScope = z.nullish(z.union([scopeToken, z.literal("")]));
const optionalExpiry = z.nullish(z.union([expiresAt, z.literal("")]));
const instructions = z.string().check(z.maxLength(10_000));

const newValue = z.strictObject({ value: keyValue, scope: optionalScope, expiresAt: optionalExpiry });

/** `data` of a create body for type `api-key`. */
export const apiKeyInput = z.strictObject({
  subjectType: z._default(z.enum(["app", "user"]), "app"),
  values: z._default(z.array(newValue).check(z.maxLength(MAX_VALUES)), []),
  serviceUrls: z._default(z.array(z.string().check(z.maxLength(2048))).check(z.maxLength(20)), []),
  instructions: z.optional(instructions),
});

/** `data` of an update body. A `value` of null stays; a `scope` or `expiresAt` of null or "" is removed. */
export const apiKeyUpdate = z.strictObject({
  toAdd: z._default(z.array(newValue).check(z.maxLength(MAX_VALUES)), []),
  toUpdate: z._default(
    z
      .array(
        z.strictObject({
          id: z.string().check(z.maxLength(64)),
          value: z.nullish(keyValue),
          scope: optionalScope,
          expiresAt: optionalExpiry,
        }),
      )
      .check(z.maxLength(MAX_VALUES)),
    [],
  ),
  toDelete: z._default(z.array(z.string().check(z.maxLength(64))).check(z.maxLength(MAX_VALUES)), []),
  instructions: z.optional(instructions),
});

const storedValue = z.object({
  id: z.string(),
  scope: z.nullable(z.string()),
  expiresAtMs: z.nullable(z.number()),
});
export type StoredValue = z.output<typeof storedValue>;

/** An `api-key` connector as it is stored; the values themselves are its secrets, named by `secretName`. */
export const apiKeyConfig = z.object({
  subjectType: z.enum(["app", "user"]),
  /** In the order in which they were added. */
  values: z.array(storedValue).check(z.maxLength(MAX_VALUES)),
  serviceUrls: z.array(z.string()),
  instructions: z.nullable(z.string()),
});
export type ApiKeyConfig = z.output<typeof apiKeyConfig>;

export function secretName(valueId: string): string {
  return `value:${valueId}`;
}

/** Empty text and null both mean "none". */
export function orNull<T>(given: T | "" | null | undefined): T | null {
  return given === undefined || given === "" ? null : given;
}
