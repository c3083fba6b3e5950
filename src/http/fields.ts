import * as z from "zod";

/** C0 and C1 controls, line separators and bidirectional overrides: nothing a person should read in a name. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** A name that people read: 1 to 100 characters, no controls, no outer spaces. */
export const displayName = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .refine((text) => !UNPRINTABLE.test(text), "must not contain control or direction characters");

/** An identifier that somebody else chose, compared for equality only. */
export const foreignId = z
  .string()
  .min(1)
  .max(256)
  .refine((text) => !UNPRINTABLE.test(text), "must not contain control or direction characters");

/** A slug: lower-case letters, digits, '.', '_' and '-', at most 100; not shaped like one of our ids. */
export const slug = z
  .string()
  .regex(
    /^(?!(?:prj|env|team|scl|iss|idn)_)[a-z0-9][a-z0-9._-]{0,99}$/,
    "must be 1 to 100 lower-case letters, digits, '.', '_' or '-', and must not look like an id",
  );
