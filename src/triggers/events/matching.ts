import type { Captures } from "../recipes/json-captures.ts";
import type { Destination } from "../settings/destination.ts";
import type { EventRecord } from "./event.ts";

/** The scalars of a body at the pointers that filters ask for. */
export type BodyValues = Pick<Captures, "at">;

/** The places in a body that the filters of destinations look at. */
export function filterPointers(destinations: readonly Pick<Destination, "filter">[]): Set<string> {
  return new Set(destinations.flatMap(({ filter }) => Object.keys(filter?.equals ?? {})));
}

/**
 * Whether a destination is sent an event. All that it names must hold: the type, every tenant, the values in the body.
 * A body that was not read, because it is no JSON, has none of the values.
 */
export function matchesDestination(
  event: Pick<EventRecord, "type" | "tenants" | "installationId">,
  body: BodyValues | null,
  { events, filter }: Pick<Destination, "events" | "filter">,
): boolean {
  if (!matchesType(event.type, events)) return false;
  if (filter?.tenants !== undefined && !admitsTenants(event, filter.tenants)) return false;
  return Object.entries(filter?.equals ?? {}).every(([pointer, value]) => body?.at(pointer).includes(value) === true);
}

/**
 * Whether a type is among those that the globs name; null = all are. `*` stands for anything within one part between
 * dots, and at the end, like `**` anywhere, for any number of parts. What has no type matches only `*` and `**`.
 */
export function matchesType(type: string | null, globs: readonly string[] | null): boolean {
  return globs === null || globs.some((glob) => (type === null ? /^\*\*?$/.test(glob) : isLike(type, glob)));
}

/** An event about several tenants goes only where all of them may be seen; one about none, to nobody who names some. */
function admitsTenants(
  { tenants, installationId }: Pick<EventRecord, "tenants" | "installationId">,
  admitted: readonly string[],
): boolean {
  if (installationId && admitted.includes(installationId)) return true;
  return tenants.length > 0 && tenants.every((tenant) => admitted.includes(tenant));
}

/** No regular expression is made of what somebody wrote: it could take exponential time. */
function isLike(type: string, glob: string): boolean {
  const tokens = glob.match(/\*\*?|[^*]+/g) ?? [];
  // Where in the type the glob may have come to, so far.
  let ends = new Set([0]);
  for (const [index, token] of tokens.entries()) {
    const next = new Set<number>();
    for (const from of ends) {
      if (token[0] !== "*") {
        if (type.startsWith(token, from)) next.add(from + token.length);
        continue;
      }
      const dot = token === "**" || index === tokens.length - 1 ? -1 : type.indexOf(".", from);
      for (let to = from; to <= (dot < 0 ? type.length : dot); to++) next.add(to);
    }
    ends = next;
  }
  return ends.has(type.length);
}
