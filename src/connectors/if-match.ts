import { fail, ok, type Result } from "../errors.ts";

/**
 * Judges `If-Match` against a revision (RFC 9110 §13.1.1, strong comparison): absent and `*` pass, a list passes with
 * one match, anything else is `precondition_failed`.
 */
export function checkIfMatch(headers: Headers, revision: number): Result<null> {
  const condition = headers.get("if-match");
  if (condition === null || condition.trim() === "*") return ok(null);
  const tags = condition.split(",").map((tag) => tag.trim());
  return tags.includes(`"${revision}"`)
    ? ok(null)
    : fail("precondition_failed", { reason: `if-match fails at revision ${revision}` });
}
