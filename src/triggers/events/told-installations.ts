import type { Installations } from "../../catalog/installations.ts";
import { driverOf } from "../../catalog/registry.ts";
import { requireTeamId } from "../../connectors/driver-context.ts";
import { failureFrom, unwrap } from "../../errors.ts";
import { installationsNamed, type NamedInstallation } from "../../installations/installations-named.ts";
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
  const about = new Map<IngestMessage, NamedInstallation | null>();
  const inTurn = oneByOne();
  const fail = (message: IngestMessage, thrown: unknown) => {
    const { code, reason } = failureFrom(thrown);
    failures.set(message, reason ?? code);
  };
  await Promise.all(
    messages.map(async (message) => {
      try {
        const installed = await installedAs(message.event, deps);
        if (installed === null) return;
        await recordTold(message, installed, inTurn, deps);
        about.set(message, namedBy(message.event, installed));
      } catch (thrown) {
        fail(message, thrown);
      }
    }),
  );
  try {
    const named = [...about.values()].flatMap((one) => one ?? []);
    return { installations: await installationsNamed(deps.db, named), failures };
  } catch (thrown) {
    for (const message of about.keys()) fail(message, thrown);
    return { installations: new Map(), failures };
  }
}

/** The event with its installation, as fan-out will find it; without where that cannot be asked now. */
export async function withInstallation(event: EventRecord, deps: Pick<EventDeps, "db" | "now">): Promise<EventRecord> {
  try {
    const installed = await installedAs(event, deps);
    const about = installed && namedBy(event, installed);
    if (about === null) return event;
    return { ...event, installationId: (await installationsNamed(deps.db, [about])).get(event.id) ?? null };
  } catch {
    return event;
  }
}

/** Which installation it is about; null = none, or more than one. */
function namedBy({ id, connectorId, tenants }: EventRecord, { installations }: Installed): NamedInstallation | null {
  const [tenant, ...others] = tenants;
  if (tenant === undefined || others.length > 0) return null;
  return { key: id, connectorId, [installations.eventsName]: tenant };
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

/** What the event says of installations is recorded. */
async function recordTold(message: IngestMessage, installed: Installed, inTurn: InTurn, deps: EventDeps) {
  const { connectorId, type } = message.event;
  // The payload is sealed, and most events say nothing of the kind.
  if (!installed.installations.tells(type)) return;
  // A payload may name all repositories of a tenant: a batch of such is not in memory at once.
  const news = await inTurn(() => newsOf(installed.installations, message, deps));
  if (news !== null) await recordNews(deps, { connectorId, region: installed.region }, news, { isOwn: false });
}

interface Installed {
  installations: Installations;
  region: string | null;
}

/** How the event's connector is installed anywhere; null = it is not. */
async function installedAs(
  { connectorId }: EventRecord,
  { db, now }: Pick<EventDeps, "db" | "now">,
): Promise<Installed | null> {
  const { region, type } = await routesOf(db, connectorId, now());
  const installations = type === null ? null : (driverOf(type)?.installations ?? null);
  return installations && { installations, region };
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
