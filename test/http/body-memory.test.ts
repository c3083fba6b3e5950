import { expect, test } from "vitest";
import * as z from "zod/mini";
import { recallBody, rememberBody } from "../../src/http/body-memory.ts";

const schema = z.object({ names: z.array(z.string()) });

test("what a body was understood as is nobody's to change, however deep", () => {
  rememberBody(schema, '{"names":["a"]}', { names: ["a"] });
  const known = recallBody(schema, '{"names":["a"]}');
  expect(known).toEqual({ names: ["a"] });
  expect(() => known?.names.push("b")).toThrow(TypeError);
  expect(() => Object.assign(known ?? {}, { names: [] })).toThrow(TypeError);
});

test("the same text means nothing under another schema, and another text nothing under the same", () => {
  rememberBody(schema, '{"names":[]}', { names: [] });
  expect(recallBody(z.object({ names: z.array(z.string()) }), '{"names":[]}')).toBeUndefined();
  expect(recallBody(schema, '{"names": []}')).toBeUndefined();
});

test("twenty thousand bodies, or one of many characters, do not fill it", () => {
  const count = z.object({ n: z.number() });
  for (let n = 0; n < 20_000; n++) rememberBody(count, `{"n":${n}}`, { n });
  expect(recallBody(count, '{"n":0}')).toBeUndefined();
  expect(recallBody(count, '{"n":19999}')).toEqual({ n: 19999 });
  const long = `{"names":["${"x".repeat(2_000)}"]}`;
  rememberBody(schema, long, { names: ["x".repeat(2_000)] });
  expect(recallBody(schema, long)).toBeUndefined();
});
