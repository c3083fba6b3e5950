import * as z from "zod/mini";
import { CONNECTOR_TYPES } from "../catalog/connector-types.ts";
import { JURISDICTIONS, LOCATION_HINTS } from "../grants/directory.ts";
import { displayName, foreignId } from "../http/fields.ts";
import { connectorEvents, triggersSwitch } from "../triggers/settings/fields.ts";
import { FirstDestination } from "../triggers/settings/new-destination.ts";
import { BINDINGS } from "./connector-row.ts";
import { environmentIds } from "./link-fields.ts";

const color = z.string().check(z.regex(/^#[0-9a-fA-F]{6}$/, "must be a colour as #RRGGBB"));
/** A name from the service's own vocabulary, such as `mcp`. */
const facet = z
  .string()
  .check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/, "must be 1 to 64 letters, digits, '.', '_', ':' or '-'"));
/** Whether it was uploaded is asked when it is saved. */
const icon = z.string().check(z.regex(/^[0-9a-f]{40}$/, "must be the SHA-1 of an uploaded icon, in lower-case hex"));
const leaseSeconds = z.int().check(z.gte(0), z.lte(300));
// The grammar of a uid has an error code of its own, so it is judged in `uid.ts`.
const uid = z.string().check(z.maxLength(512));

/** Known to the contract, and accepted by the schema only to be refused by name. */
const refused = z.optional(z.unknown());

export const CreateBody = z.strictObject({
  type: z.optional(z.enum(CONNECTOR_TYPES)),
  /** Required, but for a draft. */
  data: z.optional(z.unknown()),
  uid: z.optional(uid),
  name: z.optional(displayName),
  service: z.optional(
    z.string().check(z.regex(/^[a-z0-9][a-z0-9.:_-]{0,99}$/, "must be a service name or host, in lower case")),
  ),
  projectId: z.optional(z.string().check(z.minLength(1), z.maxLength(100))),
  environments: z.optional(environmentIds),
  backgroundColor: z.optional(color),
  accentColor: z.optional(color),
  minimumBinding: z._default(z.enum(BINDINGS), "finalize"),
  leaseSeconds: z._default(leaseSeconds, 60),
  region: z.optional(z.enum([...JURISDICTIONS, ...LOCATION_HINTS])),
  connectionMethod: z.optional(facet),
  target: z.optional(facet),
  params: refused,
  triggers: z.optional(triggersSwitch),
  events: z.optional(connectorEvents),
  triggerDestination: z.optional(FirstDestination),
  icon: z.optional(icon),
  draft: z._default(z.boolean(), false),
});
export type CreateBody = z.output<typeof CreateBody>;

export const UpdateBody = z.strictObject({
  data: z.optional(z.unknown()),
  uid: z.optional(uid),
  name: z.optional(displayName),
  backgroundColor: z.optional(z.nullable(color)),
  accentColor: z.optional(z.nullable(color)),
  minimumBinding: z.optional(z.enum(BINDINGS)),
  leaseSeconds: z.optional(leaseSeconds),
  icon: z.optional(z.nullable(icon)),
  /** false insists on completing a draft; true keeps it one although it is complete. */
  draft: z.optional(z.boolean()),
  /** Any reference to one; null = none. */
  defaultInstallationId: z.optional(z.nullable(foreignId)),
  region: refused,
  triggers: z.optional(triggersSwitch),
  events: z.optional(connectorEvents),
});
export type UpdateBody = z.output<typeof UpdateBody>;
