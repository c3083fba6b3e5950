import fc from "fast-check";
import { expect, test } from "vitest";
import { LruMap } from "../../src/store/lru.ts";

test("a full map forgets the entry that was used least recently, and a read counts as use", () => {
  const map = new LruMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  expect(map.get("a")).toBe(1);
  map.set("c", 3);
  expect([map.get("a"), map.get("b"), map.get("c"), map.size]).toEqual([1, undefined, 3, 2]);
});

test("writing an entry again replaces it and evicts nobody", () => {
  const map = new LruMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.set("a", 3);
  expect([map.get("a"), map.get("b"), map.size]).toEqual([3, 2, 2]);
});

test("ten thousand strangers do not make it grow", () => {
  const map = new LruMap<number, number>(100);
  for (let index = 0; index < 10_000; index++) map.set(index, index);
  expect(map.size).toBe(100);
  expect(map.get(9_999)).toBe(9_999);
});

test("a size that holds nothing is refused", () => {
  expect(() => new LruMap(0)).toThrow(RangeError);
  expect(() => new LruMap(1.5)).toThrow(RangeError);
});

test("entries that weigh too much together go, the least recently used first", () => {
  const map = new LruMap<string, string>(100, { max: 10, of: (key, value) => key.length + value.length });
  map.set("a", "1234");
  map.set("b", "1234");
  map.get("a");
  map.set("c", "1234");
  expect([map.get("a"), map.get("b"), map.get("c")]).toEqual(["1234", undefined, "1234"]);
  map.set("a", "1");
  map.set("d", "12");
  expect([map.get("a"), map.get("c"), map.get("d")]).toEqual(["1", "1234", "12"]);
});

test("what alone weighs too much is not kept, and a cleared map is light again", () => {
  const map = new LruMap<string, string>(100, { max: 10, of: (_, value) => value.length });
  map.set("a", "12345678901");
  expect([map.get("a"), map.size]).toEqual([undefined, 0]);
  map.set("b", "1234567890");
  map.clear();
  map.set("c", "1234567890");
  expect(map.get("c")).toBe("1234567890");
});

test("entries go by what they hold, with their weight, and one that was just used is not used again", () => {
  const map = new LruMap<string, number>(100, { max: 10, of: (_, value) => value });
  map.set("a", 5);
  map.set("b", 2);
  map.set("c", 3);
  expect(map.get("c")).toBe(3);
  map.deleteWhere((value) => value > 2);
  expect([map.get("a"), map.get("b"), map.get("c"), map.size]).toEqual([undefined, 2, undefined, 1]);
  map.set("d", 8);
  expect([map.get("b"), map.get("d")]).toEqual([2, 8]);
});

test("whatever is done to it, it holds what a list in order of use would hold", () => {
  const key = fc.nat(7);
  const step = fc.oneof(
    fc.tuple(fc.constant("set" as const), key, fc.nat(9)),
    fc.tuple(fc.constant("get" as const), key, fc.constant(0)),
    fc.tuple(fc.constant("delete" as const), key, fc.constant(0)),
    fc.tuple(fc.constant("clear" as const), key, fc.constant(0)),
  );
  const limits = fc.option(fc.nat(20), { nil: undefined });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), limits, fc.array(step, { maxLength: 60 }), (maxEntries, max, steps) => {
      const limit = max === undefined ? undefined : { max, of: (_: number, value: number) => value };
      const map = limit === undefined ? new LruMap<number, number>(maxEntries) : new LruMap(maxEntries, limit);
      let model: [key: number, value: number][] = []; // the least recently used first
      const weight = () => (max === undefined ? 0 : model.reduce((sum, [, value]) => sum + value, 0));
      for (const [action, key, value] of steps) {
        const known = model.find(([candidate]) => candidate === key);
        const others = model.filter(([candidate]) => candidate !== key);
        if (action === "get") {
          expect(map.get(key)).toBe(known?.[1]);
          if (known !== undefined) model = [...others, known];
        } else if (action === "delete") {
          expect(map.delete(key)).toBe(known !== undefined);
          model = others;
        } else if (action === "clear") {
          map.clear();
          model = [];
        } else {
          map.set(key, value);
          model = [...others, [key, value]];
          while (model.length > maxEntries || weight() > (max ?? 0)) model.shift();
        }
        expect(map.size).toBe(model.length);
      }
      // Reading in order of use changes nothing about that order.
      for (const [key, value] of model) expect(map.get(key)).toBe(value);
    }),
    { numRuns: 2000 },
  );
});
