import type { Installations } from "../../catalog/installations.ts";
import { driverOf } from "../../catalog/registry.ts";
import { requireTeamId } from "../../connectors/driver-context.ts";
import { failureFrom, unwrap } from "../../errors.ts";
import { installationsOfTenants } from "../../installations/installations-of-tenants.ts";
import { recordNews } from "../../installations/record-news.ts";
import type { EventDeps } from "./deps.ts";
import type { EventRecord, IngestMessage } from "./event.ts";
import { readPayload } from "./payload-store.ts";
import { routesOf } from "./routes.ts";

/** What it is about, and why a message must come again. */
export interface Placed {
  /** Our ids of installations, by event id. */
  installations: Map<string, string>;
  failures: Map<IngestMessage, string>;
}

/**
 * Records what verified events say of installations, so that it is known before anybody is sent them, and finds which
 * installation each event is about. May be repeated: older news is ignored. Never throws.
 */
export async function placeEvents(messages: readonly IngestMessage[], deps: EventDeps): Promise<Placed> {
  const failures = new Map<IngestMessage, string>();
  const installed: IngestMessage[] = [];
  const inTurn = oneByOne();
  const fail = (message: IngestMessage, thrown: unknown) => {
    const { code, reason } = failureFrom(thrown);
    failures.set(message, reason ?? code);
  };
  await Promise.all(
    messages.map(async (message) => {
      try {
        if (await recordTold(message, inTurn, deps)) installed.push(message);
      } catch (thrown) {
        fail(message, thrown);
      }
    }),
  );
  try {
    const asked = installed.flatMap(({ event }) => tenantOf(event) ?? []);
    return { installations: await installationsOfTenants(deps.db, asked), failures };
  } catch (thrown) {
    for (const message of installed) fail(message, thrown);
    return { installations: new Map(), failures };
  }
}

/** The event with its installation, as fan-out will find it; without where that cannot be asked now. */
export async function withInstallation(event: EventRecord, deps: Pick<EventDeps, "db" | "now">): Promise<EventRecord> {
  const about = tenantOf(event);
  try {
    if (about === null || (await installedAs(event, deps)) === null) return event;
    return { ...event, installationId: (await installationsOfTenants(deps.db, [about])).get(event.id) ?? null };
  } catch {
    return event;
  }
}

/** Null = it is about none, or about more than one. */
function tenantOf({ id, connectorId, tenants }: Pick<EventRecord, "id" | "connectorId" | "tenants">) {
  const [tenant, ...others] = tenants;
  return tenant === undefined || others.length > 0 ? null : { key: id, connectorId, tenant };
}

type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/** Each work begins when the one before is over, however that ended. */
function oneByOne(): InTurn {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work);
    last = next.catch(() => {});
    return next;
  };
}

/** Whether the event's connector is installed anywhere; what the event says of that is recorded. */
async function recordTold(message: IngestMessage, inTurn: InTurn, deps: EventDeps): Promise<boolean> {
  const { connectorId, type } = message.event;
  const installed = await installedAs(message.event, deps);
  if (installed === null) return false;
  const { installations, region } = installed;
  // The payload is sealed, and most events say nothing of the kind.
  if (type?.startsWith("installation") === true) {
    // A payload may name all repositories of a tenant: a batch of such is not in memory at once.
    const news = await inTurn(() => newsOf(installations, message, deps));
    if (news !== null) await recordNews(deps, { connectorId, region }, news, { isOwn: false });
  }
  return true;
}

/** How the event's connector is installed anywhere; null = it is not. */
async function installedAs({ connectorId }: EventRecord, { db, now }: Pick<EventDeps, "db" | "now">) {
  const { region, type } = await routesOf(db, connectorId, now());
  const installations = type === null ? null : (driverOf(type)?.installations ?? null);
  return installations === null ? null : { installations, region };
}

async function newsOf(installations: Installations, { event, payload }: IngestMessage, deps: EventDeps) {
  const { db, keys, blobs } = deps;
  const read = await readPayload(payload, event, { keys: await keys(), blobs, teamId: await requireTeamId({ db }) });
  if (!read.ok && read.failure.code === "gone") return null;
  const text = await new Response(unwrap(read)).text();
  return installations.newsOf(event.type, parsed(event.contentType?.includes("form-urlencoded") ? formOf(text) : text));
}

/** A provider may be told to send its JSON as a member of a form. */
function formOf(text: string): string {
  return new URLSearchParams(text).get("payload") ?? "";
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
