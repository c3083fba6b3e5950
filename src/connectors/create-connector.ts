import type { Driver, SavedConfig } from "../catalog/driver.ts";
import { driverOf } from "../catalog/registry.ts";
import { ApiError, unwrap } from "../errors.ts";
import { requireIcon } from "../files/icon-store.ts";
import { type Project, requireProject, STANDARD_ENVIRONMENTS } from "../projects/project-store.ts";
import { type Statement, UniqueViolation } from "../store/database.ts";
import { newId } from "../store/ids.ts";
import { additionOf } from "../triggers/settings/add-destination.ts";
import { changedTrigger, newTrigger, TriggerChange } from "../triggers/settings/change-trigger.ts";
import { newDestination, USUAL_DELIVERY } from "../triggers/settings/new-destination.ts";
import { signedBy } from "../triggers/settings/signed-by.ts";
import { insertTrigger } from "../triggers/settings/trigger-store.ts";
import { requireTypedTarget } from "../triggers/settings/typed-destinations.ts";
import type { CreateBody } from "./connector-fields.ts";
import type { Actor, Connector } from "./connector-row.ts";
import { sealSecrets } from "./connector-secrets.ts";
import { findConnector, highestUidNumber, insertConnector } from "./connector-store.ts";
import { driverDeps, requireTeamId, type SaveServices, saveContext } from "./driver-context.ts";
import { requireEnvironments } from "./link-fields.ts";
import { upsertLink } from "./link-store.ts";
import { checkUid, generatedUid, UID_TAKEN } from "./uid.ts";

/** How often a generated uid is tried again when others take the same one at the same moment. */
const UID_TRIES = 5;

/** What a provider was told of a connector before there was one. */
export interface Promised {
  id: string;
  ingressId: string;
  /** Stored in the same transaction. */
  also: Statement[];
}

/**
 * Creates a connector with its ingress and, with `projectId`, its first link, with `triggerDestination` its first
 * destination, all or nothing. Thrown: the driver's refusals of `data`, `invalid_uid`, `conflict` when the uid is taken,
 * `not_found` for the project, and what is wrong with the destination.
 * One that was `promised` gets another uid where its own was taken meanwhile.
 */
export async function createConnector(
  services: SaveServices,
  actor: Actor | null,
  body: CreateBody,
  promised: Promised | null = null,
): Promise<Connector> {
  if (body.params !== undefined) {
    throw new ApiError("bad_request", { message: "params: Not supported yet. Omit it." });
  }
  const driver = requireDriver(body);
  const { uid, link } = await checkedBody(services, body);
  const id = promised?.id ?? newId("scl", services.randomBytes);
  const creationMode = promised === null ? "manual" : "managed";
  const { connector, signs } = await newConnector(services, { id, creationMode, actor, body, driver });
  const triggers = await firstTriggers(services, connector, body, { ingressId: promised?.ingressId, signs });
  return insertUnderUid(services, { connector, uid, link, triggers, promised });
}

/** Throws what `createConnector` would, but for what is wrong with `data`, of a connector that will have that id. */
export async function checkNewConnector(
  services: SaveServices,
  connector: Pick<Connector, "id" | "type" | "service">,
  body: CreateBody,
): Promise<void> {
  const { uid } = await checkedBody(services, body);
  if (uid !== null && (await findConnector(services.db, uid)) !== null) {
    throw new ApiError("conflict", { message: UID_TAKEN });
  }
  await firstTriggers(services, connector, body);
}

async function checkedBody(services: SaveServices, body: CreateBody) {
  const uid = body.uid ? unwrap(checkUid(body.uid)) : null;
  const link = await firstLink(services, body);
  if (body.icon !== undefined) await requireIcon(services.blobs, body.icon);
  return { uid, link };
}

/** The statements that give a new connector its ingress and, where one is named, its first destination. */
async function firstTriggers(
  services: SaveServices,
  connector: Pick<Connector, "id" | "type" | "service">,
  body: CreateBody,
  { ingressId, signs }: { ingressId?: string | undefined; signs?: SavedConfig<unknown>["trigger"] } = {},
): Promise<Statement[]> {
  const { triggers: enabled = false, events = null, triggerDestination } = body;
  const place = { connector, teamId: await requireTeamId(services) };
  const blank = { ...newTrigger(connector.id, services), ...(ingressId !== undefined && { ingressId }) };
  const change = TriggerChange.parse({ enabled, events, ...signedBy(blank, signs) });
  const trigger =
    enabled || events !== null || signs !== undefined ? await changedTrigger(services, place, blank, change) : blank;
  if (triggerDestination === undefined) return [insertTrigger(trigger)];
  const projectId = triggerDestination.projectId ?? body.projectId;
  if (!enabled || projectId === undefined) {
    throw new ApiError("bad_request", { message: "triggerDestination: needs triggers, and a projectId." });
  }
  const target = await requireTypedTarget(services, connector, { ...triggerDestination, projectId });
  const owner = { connectorId: connector.id, teamId: place.teamId };
  const { destination } = await newDestination(services, owner, target, USUAL_DELIVERY);
  return [insertTrigger(trigger), ...additionOf(services, destination)];
}

function requireDriver({ type }: CreateBody): Driver {
  if (type === undefined) {
    throw new ApiError("bad_request", { message: "type: is required, such as 'oauth' or 'api-key'." });
  }
  const driver = driverOf(type);
  if (driver === null) {
    throw new ApiError("bad_request", { message: `type: connectors of the type '${type}' are not supported yet.` });
  }
  return driver;
}

interface FirstLink {
  project: Project;
  environments: string[];
}

async function firstLink({ db }: SaveServices, body: CreateBody): Promise<FirstLink | null> {
  if (body.projectId === undefined) {
    if (body.environments === undefined) return null;
    throw new ApiError("bad_request", { message: "environments: needs a projectId to link them." });
  }
  const project = await requireProject(db, body.projectId);
  const environments = body.environments ?? [...STANDARD_ENVIRONMENTS];
  await requireEnvironments(db, project.id, environments);
  return { project, environments };
}

/** Everything but the uid, which the database decides. */
async function newConnector(
  services: SaveServices,
  {
    id,
    creationMode,
    actor,
    body,
    driver,
  }: Pick<Connector, "id" | "creationMode"> & {
    actor: Actor | null;
    body: CreateBody;
    driver: Driver;
  },
): Promise<{ connector: Connector; signs: SavedConfig<unknown>["trigger"] }> {
  const teamId = await requireTeamId(services);
  if (body.data === undefined && !body.draft) throw new ApiError("bad_request", { message: "data: is required." });
  const context = { ...saveContext(services, id), draft: body.draft };
  const saved = unwrap(await driver.create(body.data ?? {}, context, driverDeps(services)));
  const service = body.service ?? driver.service(saved.config);
  const nowMs = services.now();
  const connector: Connector = {
    id,
    uid: "",
    name: body.name ?? service,
    type: driver.type,
    service,
    config: saved.config,
    ...(await sealSecrets(services, { teamId, connectorId: id, generation: 1 }, saved.secrets)),
    revision: 1,
    configRevision: 1,
    leaseSeconds: body.leaseSeconds,
    previousLeaseSeconds: 0,
    leaseChangedAtMs: 0,
    minimumBinding: body.minimumBinding,
    region: body.region ?? null,
    branding: {
      ...(body.backgroundColor !== undefined && { backgroundColor: body.backgroundColor }),
      ...(body.accentColor !== undefined && { accentColor: body.accentColor }),
      ...(body.icon !== undefined && { icon: body.icon }),
    },
    draft: body.draft,
    connectionMethod: body.connectionMethod ?? null,
    target: body.target ?? null,
    creationMode,
    defaultInstallationId: null,
    createdBy: actor,
    updatedBy: actor,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    deletedAtMs: null,
  };
  return { connector, signs: saved.trigger };
}

async function insertUnderUid(
  services: SaveServices,
  {
    connector,
    uid: wanted,
    link,
    triggers,
    promised,
  }: {
    connector: Connector;
    uid: string | null;
    link: FirstLink | null;
    triggers: Statement[];
    promised: Promised | null;
  },
): Promise<Connector> {
  const linkId = newId("lnk", services.randomBytes);
  let uid = wanted;
  let number = 1;
  for (let attempt = 1; attempt <= UID_TRIES; attempt++) {
    const named = { ...connector, uid: uid ?? generatedUid(connector, number) };
    try {
      await services.db.batch([
        insertConnector(named),
        ...(link === null ? [] : [upsertLink(linkOf(linkId, named.id, link), named.createdAtMs)]),
        ...triggers,
        ...(promised?.also ?? []),
      ]);
      return named;
    } catch (error) {
      if (!(error instanceof UniqueViolation)) throw error;
      if (uid !== null && promised === null) break;
      if (uid !== null) {
        uid = null;
        continue;
      }
      number = (await highestUidNumber(services.db, generatedUid(connector, 1))) + 1;
    }
  }
  throw new ApiError("conflict", { message: UID_TAKEN });
}

function linkOf(id: string, connectorId: string, { project, environments }: FirstLink) {
  return { id, connectorId, projectId: project.id, environments, narrowing: {} };
}
