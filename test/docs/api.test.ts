import { describe, expect, test } from "vitest";
import { errorCodes, errorTable, roleTable, routeTable, section } from "../../scripts/doc-tables.ts";
import { describeError, type ErrorCode } from "../../src/error-codes.ts";
import { SUMMARIES } from "../../src/reference/summaries.ts";
import { ROUTES } from "../../src/routes.ts";
import { textOf } from "./texts.ts";

const api = textOf("docs/api.md");

// After a change of routes or errors: node scripts/docs.ts
describe("docs/api.md says what the code does", () => {
  test("a route cannot be added, renamed or opened to others without its line", () => {
    expect(section(api, "routes")).toBe(routeTable(ROUTES, SUMMARIES));
    expect(section(api, "roles")).toBe(roleTable(ROUTES));
    for (const [method, pattern] of ROUTES) expect(api).toContain(`\`${method} ${pattern}\``);
  });

  test("an error code cannot be added or change its status without its line", () => {
    const codes = errorCodes(textOf("src/error-codes.ts"));
    expect(codes.length).toBeGreaterThan(40);
    // The codes come from the text of the switch, which is exhaustive over the type.
    expect(section(api, "errors")).toBe(errorTable(codes, (code) => describeError(code as ErrorCode)));
  });

  test("paths in the text name routes that exist", () => {
    const patterns = new Set(ROUTES.map(([, pattern]) => pattern));
    const named = [...api.matchAll(/`(?:[A-Z]+ )?(\/(?:v\d|health|\.well-known)[^`\s]*)`/g)].map(
      ([, path = ""]) => path,
    );
    expect(named.length).toBeGreaterThan(ROUTES.length);
    expect(named.filter((path) => !patterns.has(path))).toEqual([]);
  });
});
