import * as z from "zod/mini";
import { JSON_POINTER } from "../../json-pointer.ts";

const DAY_SECONDS = 86_400;
/** What is not deliverable for two weeks is for an operator to replay. */
const LONGEST_SCHEDULE_SECONDS = 14 * DAY_SECONDS;

/** Seconds before each further attempt: a little over 28 hours. */
export const USUAL_RETRY_SCHEDULE = [5, 30, 120, 600, 1800, 7200, 18_000, 36_000, 36_000];

const globs = z
  .array(z.string().check(z.regex(/^[\x21-\x7e]{1,200}$/, "must be 1 to 200 visible ASCII characters")))
  .check(z.maxLength(100));

/** Globs over event types, as `matchesType` reads them. */
export const eventGlobs = z.pipe(
  globs.check(z.minLength(1, "must name at least one; null means all")),
  z.transform((named) => [...new Set(named)]),
);

/** The same as connectors have it: an empty list, too, means all. */
export const connectorEvents = z.pipe(
  globs,
  z.transform((named) => (named.length === 0 ? null : [...new Set(named)])),
);

/** Whether a connector receives webhooks, in either spelling. */
export const triggersSwitch = z.pipe(
  z.union([z.boolean(), z.strictObject({ enabled: z.boolean() })]),
  z.transform((given) => (typeof given === "boolean" ? given : given.enabled)),
);

const pointer = z
  .string()
  .check(z.minLength(1), z.maxLength(512), z.regex(JSON_POINTER, "must be a JSON Pointer such as /data/status"));

/** What a destination receives; see `EventFilter`. */
export const eventFilter = z.strictObject({
  tenants: z.exactOptional(
    z.array(z.string().check(z.minLength(1), z.maxLength(256))).check(z.minLength(1), z.maxLength(100)),
  ),
  equals: z.exactOptional(
    z
      .record(pointer, z.union([z.string().check(z.maxLength(1024)), z.number(), z.boolean(), z.null()]))
      .check(z.refine((members) => Object.keys(members).length <= 20, "must have at most 20 members")),
  ),
});

/** Seconds before each further attempt; none = one attempt. */
export const retrySchedule = z.array(z.int().check(z.gte(1), z.lte(LONGEST_SCHEDULE_SECONDS))).check(
  z.maxLength(20),
  z.refine(
    (seconds) => seconds.reduce((sum, each) => sum + each, 0) <= LONGEST_SCHEDULE_SECONDS,
    "must not take longer than 14 days",
  ),
);

/** A path at an origin; what a URL parser would repair or read otherwise is refused. */
export const originPath = z.string().check(
  z.maxLength(2048),
  z.regex(/^\/(?!\/)[\x21-\x7e]*$/, "must start with one slash and have visible ASCII characters only"),
  z.refine((path) => !/[\\#]/.test(path), "must not have backslashes or a fragment"),
);

/** The name of a git branch. */
export const branchName = z
  .string()
  .check(z.minLength(1), z.maxLength(250), z.regex(/^[^\p{Cc}\p{Z}]+$/u, "must not have spaces or control characters"));

/** How long a secret that is replaced stays valid, at most. */
export const graceSeconds = z._default(z.int().check(z.gte(0), z.lte(30 * DAY_SECONDS)), DAY_SECONDS);

/** A provider's signing secret; pasted white space would make a secret that nothing matches. */
export const signingSecret = z.string().check(
  z.minLength(1),
  z.maxLength(4096),
  z.refine((text) => text === text.trim(), "must not start or end with white space"),
  z.refine((text) => text !== "whsec_" && text.isWellFormed(), "is not a secret"),
);
