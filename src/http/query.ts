import { fail, ok, type Result } from "../errors.ts";

/** Query parameters as a plain object; one that comes twice is `bad_request`, because readers disagree which counts. */
export function readQuery(url: string): Result<Record<string, string>> {
  const query: Record<string, string> = Object.create(null);
  if (!url.includes("?")) return ok(query);
  for (const [name, value] of new URL(url).searchParams) {
    if (name in query) {
      return fail("bad_request", { message: "A query parameter is repeated. Send each at most once." });
    }
    query[name] = value;
  }
  return ok(query);
}
