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
