import * as z from "zod/mini";

/** C0 and C1 controls, line separators and bidirectional overrides: nothing a person should read in a name. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** A name that people read: 1 to 100 characters, no controls, no outer spaces. */
export const displayName = z.string().check(
  z.trim(),
  z.minLength(1),
  z.maxLength(100),
  z.refine((text) => !UNPRINTABLE.test(text), "must not contain control or direction characters"),
);

/** An identifier that somebody else chose, compared for equality only. */
export const foreignId = z.string().check(
  z.minLength(1),
  z.maxLength(256),
  z.refine((text) => !UNPRINTABLE.test(text), "must not contain control or direction characters"),
);

/** A slug: lower-case letters, digits, '.', '_' and '-', at most 100; not shaped like one of our ids. */
export const slug = z
  .string()
  .check(
    z.regex(
      /^(?!(?:prj|env|team|scl|iss|idn)_)[a-z0-9][a-z0-9._-]{0,99}$/,
      "must be 1 to 100 lower-case letters, digits, '.', '_' or '-', and must not look like an id",
    ),
  );
