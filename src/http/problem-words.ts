import type * as z from "zod/mini";

const UNITS: Readonly<Record<string, string>> = { string: "characters", array: "items" };

/** What is wrong, in the words of zod's own English, for what values from JSON can get wrong. It quotes no value. */
export function problemWords(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return `Invalid input: expected ${issue.expected}, received ${typeOf(issue.input)}`;
    case "invalid_value": {
      const options = issue.values.map((value) => (typeof value === "string" ? `"${value}"` : String(value)));
      return options.length === 1
        ? `Invalid input: expected ${options[0]}`
        : `Invalid option: expected one of ${options.join("|")}`;
    }
    case "too_big":
      return `Too big: ${bounded(issue, "<", issue.maximum)}`;
    case "too_small":
      return `Too small: ${bounded(issue, ">", issue.minimum)}`;
    case "invalid_format":
      return issue.format === "regex"
        ? `Invalid string: must match pattern ${issue.pattern}`
        : `Invalid ${issue.format}`;
    case "invalid_key":
      return `Invalid key in ${issue.origin}`;
    default:
      return "Invalid input";
  }
}

function bounded(
  { origin, exact, inclusive }: { origin: string; exact?: boolean; inclusive?: boolean },
  sign: string,
  bound: number | bigint,
): string {
  const unit = UNITS[origin];
  const limit = `${exact ? "exactly " : `${sign}${inclusive ? "=" : ""}`}${bound}`;
  return `expected ${origin} to ${unit === undefined ? `be ${limit}` : `have ${limit} ${unit}`}`;
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  // JSON has numbers that are none here: 1e999.
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : typeof value;
}
