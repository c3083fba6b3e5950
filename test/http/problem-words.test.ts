import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import en from "zod/v4/locales/en.js";
import { problemWords } from "../../src/http/problem-words.ts";

const SCHEMAS = {
  string: z.string(),
  number: z.number(),
  int: z.int(),
  boolean: z.boolean(),
  null: z.null(),
  array: z.array(z.string()).check(z.minLength(1), z.maxLength(2)),
  object: z.object({ a: z.string() }),
  record: z.record(z.string().check(z.maxLength(1)), z.number()),
  enum: z.enum(["a", "b"]),
  one: z.literal("a"),
  literals: z.literal([1, true, null, "x"]),
  pattern: z.string().check(z.regex(/^[a-z]"?$/)),
  short: z.string().check(z.minLength(3), z.maxLength(4)),
  exact: z.string().check(z.length(3)),
  between: z.number().check(z.gte(2), z.lte(3)),
  positive: z.number().check(z.positive(), z.lt(9)),
  refined: z.string().check(z.refine((text) => text === "q")),
  union: z.union([z.string(), z.number()]),
  tuple: z.tuple([z.string(), z.number()]),
};

const VALUES = [
  ...[undefined, null, true, false, 0, 2.5, -1, 10, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN],
  ...["", "a", "abcde", "x", '"'],
  ...[[], ["a", 1], ["a", "b", "c"], {}, { a: 1 }, { ab: 1 }, { a: "b" }],
];

const said = (schema: z.ZodMiniType, value: unknown, error: z.core.$ZodErrorMap) =>
  schema.safeParse(value, { error }).error?.issues.map(({ path, message }) => [path, message]) ?? null;

describe("what is wrong with a body is said as zod's own English says it", () => {
  test.each(Object.entries(SCHEMAS))("%s", (_, schema) => {
    for (const value of VALUES) {
      expect(said(schema, value, problemWords)).toEqual(said(schema, value, en().localeError));
    }
    expect(VALUES.some((value) => said(schema, value, problemWords) !== null)).toBe(true);
  });
});
