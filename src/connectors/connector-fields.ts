import * as z from "zod";
import { CONNECTOR_TYPES } from "../catalog/connector-types.ts";
import { JURISDICTIONS, LOCATION_HINTS } from "../grants/directory.ts";
import { displayName } from "../http/fields.ts";
import { connectorEvents, triggersSwitch } from "../triggers/settings/fields.ts";
import { FirstDestination } from "../triggers/settings/new-destination.ts";
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

/** Known to the contract, and accepted by the schema only to be refused by name. */
const refused = z.unknown().optional();

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
  params: refused,
  triggers: triggersSwitch.optional(),
  events: connectorEvents.optional(),
  triggerDestination: FirstDestination.optional(),
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
  region: refused,
  triggers: triggersSwitch.optional(),
  events: connectorEvents.optional(),
});
export type UpdateBody = z.output<typeof UpdateBody>;
