import { describe, expect, test } from "vitest";
import { z } from "zod/mini";
import { base64url, utf8 } from "../../src/crypto/bytes.ts";
import { decodeCursor, encodeCursor, pageQuery, paginate } from "../../src/http/pagination.ts";

describe("cursors", () => {
  test("come back as they went, whatever characters are in the key", () => {
    for (const key of ["", "a", "ä/😀", '"],["x'])
      expect(decodeCursor(encodeCursor({ key, id: "i" }), "string")).toEqual({ key, id: "i" });
    expect(decodeCursor(encodeCursor({ key: 17, id: "i" }), "number")).toEqual({ key: 17, id: "i" });
    expect(decodeCursor(undefined, "string")).toBeNull();
  });

  test("of another list's kind, or forged, are refused instead of becoming a query value", () => {
    const number = encodeCursor({ key: 17, id: "i" });
    expect(() => decodeCursor(number, "string")).toThrow();
    const forged = ["", "x", "%%%", "bnVsbA", base64url(utf8('[1,{"a":1}]')), base64url(utf8("[1]")), `${number}=`];
    for (const cursor of forged) expect(() => decodeCursor(cursor, "number"), cursor).toThrow();
  });

  test("the limit is a whole number from 1 to 100", () => {
    const schema = z.object(pageQuery(20));
    expect(schema.parse({}).limit).toBe(20);
    expect(schema.parse({ limit: "100" }).limit).toBe(100);
    for (const limit of ["0", "101", "-1", "1.5", "1e2", "", " 1", "0x10", "١"]) {
      expect([limit, schema.safeParse({ limit }).success]).toEqual([limit, false]);
    }
  });

  test("a page that ends exactly at the last row has no next", () => {
    const rows = [1, 2, 3].map((id) => ({ id: String(id) }));
    const of = (limit: number) => paginate(rows.slice(0, limit + 1), limit, ({ id }) => ({ key: id, id }));
    expect(of(3).pagination.next).toBeNull();
    expect(of(2).pagination.next).toBe(encodeCursor({ key: "2", id: "2" }));
    expect(paginate([], 2, () => ({ key: 0, id: "" })).pagination.next).toBeNull();
  });
});
