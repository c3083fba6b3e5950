import * as z from "zod";
import { CONNECTOR_TYPES } from "../catalog/connector-types.ts";
import { ApiError } from "../errors.ts";
import { JURISDICTIONS, LOCATION_HINTS } from "../grants/directory.ts";
import { displayName } from "../http/fields.ts";
import { BINDINGS } from "./connector-row.ts";
import { environmentIds } from "./link-fields.ts";

const color = z.string().regex(/^#[0-9a-fA-F]{6}$/, "must be a colour as #RRGGBB");
/** A name from the service's own vocabulary, such as `mcp`. */
const facet = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/, "must be 1 to 64 letters, digits, '.', '_', ':' or '-'");
/** Whether it was uploaded is asked when it is saved. */
const icon = z.string().regex(/^[0-9a-f]{40}$/, "must be the SHA-1 of an uploaded icon, in lower-case hex");
const leaseSeconds = z.int().min(0).max(300);
// The grammar of a uid has an error code of its own, so it is judged in `uid.ts`.
const uid = z.string().max(512);

/** Known to the contract, not served yet: accepted by the schema only to be refused by name. */
const unserved = z.unknown().optional();

export const CreateBody = z.strictObject({
  type: z.enum(CONNECTOR_TYPES).optional(),
  /** Required, but for a draft. */
  data: z.unknown().optional(),
  uid: uid.optional(),
  name: displayName.optional(),
  service: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.:_-]{0,99}$/, "must be a service name or host, in lower case")
    .optional(),
  projectId: z.string().min(1).max(100).optional(),
  environments: environmentIds.optional(),
  backgroundColor: color.optional(),
  accentColor: color.optional(),
  minimumBinding: z.enum(BINDINGS).default("finalize"),
  leaseSeconds: leaseSeconds.default(60),
  region: z.enum([...JURISDICTIONS, ...LOCATION_HINTS]).optional(),
  connectionMethod: facet.optional(),
  target: facet.optional(),
  params: unserved,
  triggers: unserved,
  events: unserved,
  triggerDestination: unserved,
  icon: icon.optional(),
  draft: z.boolean().default(false),
});
export type CreateBody = z.output<typeof CreateBody>;

export const UpdateBody = z.strictObject({
  data: z.unknown().optional(),
  uid: uid.optional(),
  name: displayName.optional(),
  backgroundColor: color.nullable().optional(),
  accentColor: color.nullable().optional(),
  minimumBinding: z.enum(BINDINGS).optional(),
  leaseSeconds: leaseSeconds.optional(),
  icon: icon.nullable().optional(),
  /** false insists on completing a draft; true keeps it one although it is complete. */
  draft: z.boolean().optional(),
  region: unserved,
  triggers: unserved,
  events: unserved,
});
export type UpdateBody = z.output<typeof UpdateBody>;

const UNSERVED = ["params", "triggers", "events", "triggerDestination"];

/** Throws `bad_request` for a field that would change something that is not served yet, naming it. */
export function refuseUnserved(body: Record<string, unknown>): void {
  const asked = UNSERVED.filter((field) => body[field] !== undefined && !asksForNothing(body[field]));
  if (asked.length > 0) {
    throw new ApiError("bad_request", { message: `Not supported yet: ${asked.join(", ")}. Omit it.` });
  }
}

/** `false`, `{enabled: false}` and an empty list ask for what is the case already. */
function asksForNothing(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value !== "object" || value === null) return value === false;
  return Object.keys(value).length === 1 && "enabled" in value && value.enabled === false;
}
