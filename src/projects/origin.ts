import type { EnvironmentId } from "../callers/caller.ts";
import { fail, ok, type Result } from "../errors.ts";
import { checkUrl, type UrlPolicy } from "../outbound/url-policy.ts";

const BRANCH = "{branch}";

/**
 * An environment's origin: scheme, host and port only, spelt as a browser would. The URL policy applies; loopback is
 * also admitted for `development` (a laptop), and `preview` may have one `{branch}` in a label below the site's domain.
 * Failures: `bad_request`, `url_not_allowed`.
 */
export function checkOrigin(raw: string, environment: EnvironmentId, policy: UrlPolicy): Result<string> {
  const sample = raw.replace(BRANCH, "branch");
  if (sample !== raw && !(environment === "preview" && isTemplate(raw))) {
    return fail("bad_request", {
      message: "origin: only preview takes a template, with one {branch} in a label below the site's own domain.",
    });
  }
  const allowLoopback = policy.allowLoopback || environment === "development";
  const url = checkUrl(sample, { ...policy, allowLoopback });
  if (!url.ok) return url;
  if (url.value.origin !== sample) {
    return fail("bad_request", {
      message: "origin: must be scheme, host and port only, in lower case, such as https://app.example.com.",
    });
  }
  return ok(raw);
}

/** One placeholder, in the first label, with a registrable-looking name (or localhost) left after it. */
function isTemplate(raw: string): boolean {
  return (
    /^https?:\/\/[a-z0-9-]*\{branch\}[a-z0-9-]*(\.[a-z0-9-]+){2,}(:\d+)?$/.test(raw) ||
    /^https?:\/\/\{branch\}\.localhost(:\d+)?$/.test(raw)
  );
}
