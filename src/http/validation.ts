import * as z from "zod/mini";
import { fail, ok, type Result } from "../errors.ts";
import { problemWords } from "./problem-words.ts";

// The small variant of zod comes without words for what is wrong.
z.config({ localeError: problemWords });

const MAX_PROBLEMS = 8;
const MAX_NAME_LENGTH = 80;

/**
 * `value` as the schema describes it. An unknown member of a strict object is `unknown_field`, anything else
 * `bad_request` with a message that lists `path: problem`. Messages name members and never quote values.
 */
export function validate<T>(schema: z.ZodMiniType<T>, value: unknown, part: "body" | "query"): Result<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return ok(parsed.data);
  const problems = parsed.error.issues.flatMap((issue) => describeIssue(issue, issue.path));
  const unknown = problems.filter((problem) => problem.unknown);
  const listed = (unknown.length > 0 ? unknown : problems).slice(0, MAX_PROBLEMS).map(({ text }) => text);
  return unknown.length > 0
    ? fail("unknown_field", { message: `The ${part} has unknown fields: ${listed.join(", ")}.` })
    : fail("bad_request", { message: `The ${part} is not valid: ${listed.join("; ")}.` });
}

interface Problem {
  unknown: boolean;
  text: string;
}

function describeIssue(issue: z.core.$ZodIssue, path: PropertyKey[]): Problem[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ unknown: true, text: nameOf([...path, key]) }));
  }
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const branches = issue.errors.map((issues) =>
      issues.flatMap((inner) => describeIssue(inner, [...path, ...inner.path])),
    );
    // A member is unknown only if every alternative says so about the body; the fullest alternative speaks otherwise.
    return branches.find((problems) => problems.every(({ unknown }) => !unknown)) ?? branches[0] ?? [];
  }
  return [{ unknown: false, text: `${nameOf(path)}: ${issue.message}` }];
}

function nameOf(path: PropertyKey[]): string {
  if (path.length === 0) return "(root)";
  const name = path.map(String).join(".");
  return name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH)}…` : name;
}
