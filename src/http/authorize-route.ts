import type { AccessTokenCaller, Caller } from "../callers/caller.ts";
import { type Role, roleIncludes } from "../callers/roles.ts";
import { fail, ok, type Result } from "../errors.ts";

/** The access token behind a caller, if it may call a management route that needs `role`. Failure: `forbidden`. */
export function requireRole(caller: Caller, role: Role): Result<AccessTokenCaller> {
  if (caller.kind !== "access-token") {
    return fail("forbidden", { message: "This route needs an access token; workload tokens do not manage anything." });
  }
  if (!roleIncludes(caller.role, role)) {
    return fail("forbidden", { message: `This route needs the role '${role}' or above.` });
  }
  return ok(caller);
}

/**
 * A token bound to a project manages that project only: routes without a project, and those of any other, are
 * `forbidden` alike, so that the answer does not tell whether the other exists.
 */
export function requireOwnProject(caller: AccessTokenCaller, pathProjectId: string | null): Result<null> {
  if (caller.projectId === null || caller.projectId === pathProjectId) return ok(null);
  return fail("forbidden", { message: "This access token is bound to a project and manages nothing else." });
}
