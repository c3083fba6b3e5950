import { expect, test } from "vitest";
import { ROLES, roleIncludes } from "../../src/callers/roles.ts";

test("a role includes itself and every lesser one, and no greater one", () => {
  const included = ROLES.map((role) => ROLES.filter((needed) => roleIncludes(role, needed)));
  expect(included).toEqual([
    ["owner", "admin", "developer", "viewer"],
    ["admin", "developer", "viewer"],
    ["developer", "viewer"],
    ["viewer"],
  ]);
});
