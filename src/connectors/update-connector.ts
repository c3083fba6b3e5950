import type { AccessTokenCaller } from "../callers/caller.ts";
import type { SavedConfig } from "../catalog/driver.ts";
import { driverOf } from "../catalog/registry.ts";
import { ApiError, unwrap } from "../errors.ts";
import { requireIcon } from "../files/icon-store.ts";
import { findInstallation, listInstallations } from "../installations/installation-store.ts";
import { orConflict } from "../store/conflict.ts";
import { changedTrigger, TriggerChange } from "../triggers/settings/change-trigger.ts";
import { requireTrigger, saveTrigger } from "../triggers/settings/save-trigger.ts";
import { signedBy } from "../triggers/settings/signed-by.ts";
import { actorOf } from "./actor.ts";
import { requireConnector } from "./connector-access.ts";
import type { UpdateBody } from "./connector-fields.ts";
import type { Branding, Connector } from "./connector-row.ts";
import { openSecrets, sealSecrets } from "./connector-secrets.ts";
import { updateConnector as storeConnector } from "./connector-store.ts";
import { driverDeps, requireTeamId, type SaveServices, saveContext } from "./driver-context.ts";
import { checkIfMatch } from "./if-match.ts";
import { changeLease } from "./lease-change.ts";
import { checkUid, UID_TAKEN } from "./uid.ts";

/** How often a change is applied again over what somebody else stored meanwhile. */
const TRIES = 3;

/**
 * Applies a PATCH to the connector as it is now; a concurrent change of other fields survives. Answers the connector
 * before and after. Thrown: `not_found`, `gone`, `precondition_failed`, `invalid_uid`, `conflict`, and the driver's
 * refusals of `data`.
 */
export async function updateConnector(
  services: SaveServices,
  caller: AccessTokenCaller,
  request: { reference: string | undefined; body: UpdateBody; headers: Headers },
): Promise<{ before: Connector; after: Connector }> {
  const { body } = request;
  if (body.region !== undefined) {
    throw new ApiError("bad_request", { message: "region: never changes. Create another connector instead." });
  }
  if (typeof body.icon === "string") await requireIcon(services.blobs, body.icon);
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const current = await requireConnector(services.db, request.reference);
    unwrap(checkIfMatch(request.headers, current.revision));
    if (body.draft === true && !current.draft) {
      throw new ApiError("bad_request", { message: "draft: a live connector does not become a draft again." });
    }
    if (Object.keys(body).length === 0) return { before: current, after: current };
    const saved = await savedData(services, current, body);
    const next = await withChanges(services, current, { body, saved }, caller);
    const place = { connector: next, teamId: await requireTeamId(services) };
    const change = await triggerChange(services, place, body, saved?.trigger);
    if (await orConflict(storeConnector(services.db, next, current, saved?.isMoved), UID_TAKEN)) {
      if (change !== null) await saveTrigger(services, place, change);
      return { before: current, after: next };
    }
    if (saved?.isMoved) await refuseInstalled(services, current.id);
  }
  throw new ApiError("conflict", { message: "The connector is being changed by others. Read it again and repeat." });
}

/** What the body changes of how the connector receives, judged before anything is stored; null = nothing. */
async function triggerChange(
  services: SaveServices,
  place: { connector: Connector; teamId: string },
  { triggers: enabled, events }: UpdateBody,
  told: SavedData["trigger"],
): Promise<TriggerChange | null> {
  if (enabled === undefined && events === undefined && told === undefined) return null;
  const trigger = await requireTrigger(services, place.connector.id);
  const change = TriggerChange.parse({ enabled, events, ...signedBy(trigger, told) });
  await changedTrigger(services, place, trigger, change);
  return change;
}

async function withChanges(
  services: SaveServices,
  current: Connector,
  { body, saved }: { body: UpdateBody; saved: SavedData | null },
  caller: AccessTokenCaller,
): Promise<Connector> {
  // Read after what takes long: until the change is stored, leases of the old length are still given out.
  const nowMs = services.now();
  return {
    ...current,
    ...saved?.changes,
    ...changeLease(current, body.leaseSeconds ?? current.leaseSeconds, nowMs),
    uid: body.uid === undefined ? current.uid : unwrap(checkUid(body.uid)),
    name: body.name ?? current.name,
    minimumBinding: body.minimumBinding ?? current.minimumBinding,
    branding: rebranded(current.branding, body),
    defaultInstallationId: await nextDefaultId(services, current, body),
    revision: current.revision + 1,
    updatedBy: actorOf(caller),
    updatedAtMs: nowMs,
  };
}

interface SavedData {
  changes: Partial<Connector>;
  trigger: SavedConfig<unknown>["trigger"];
  /** The connector is another provider's by it. */
  isMoved: boolean;
}

/**
 * The driver's new configuration; tokens issued under the old one become stale. A draft is live as soon as it lacks
 * nothing, judged as at creation; `draft: false` turns what is missing into an error, `draft: true` keeps it a draft.
 */
async function savedData(services: SaveServices, current: Connector, body: UpdateBody): Promise<SavedData | null> {
  const completes = current.draft && body.draft === false;
  if (body.data === undefined && !completes) return null;
  const driver = driverOf(current.type);
  if (driver === null) throw new ApiError("bad_request", { message: "data: this type cannot be changed here." });
  const teamId = await requireTeamId(services);
  const opened = unwrap(await openSecrets(services.keys, teamId, current));
  const secrets = Object.fromEntries(Object.entries(opened).map(([name, secret]) => [name, secret.expose()]));
  const context = { ...saveContext(services, current.id), draft: current.draft && !completes };
  const stored = { config: current.config, secrets };
  const saved = unwrap(await driver.update(stored, body.data ?? {}, context, driverDeps(services)));
  const generation = current.secretsGeneration + 1;
  const isIncomplete = (saved.missing ?? []).length > 0;
  const namedByDriver = current.draft && current.service === driver.service(current.config);
  const changes = {
    config: saved.config,
    draft: context.draft && (isIncomplete || body.draft === true),
    service: namedByDriver ? driver.service(saved.config) : current.service,
    configRevision: current.configRevision + 1,
    ...(await sealSecrets(services, { teamId, connectorId: current.id, generation }, saved.secrets)),
  };
  return {
    changes,
    trigger: saved.trigger,
    isMoved: driver.provider(saved.config) !== driver.provider(current.config),
  };
}

/** Ids of tenants and installations mean others at another provider, and so would links that name them. `conflict`. */
async function refuseInstalled({ db }: SaveServices, connectorId: string): Promise<void> {
  const [known] = await listInstallations(db, { connectorId, search: null }, { after: null, limit: 1 });
  if (known === undefined) return;
  throw new ApiError("conflict", {
    message:
      "data: the connector would be another provider's, where its installations mean others. Delete its installations first.",
  });
}

/** Our id of what the body makes the default, which must be there (`bad_request`); null = nothing. */
async function nextDefaultId(
  { db }: SaveServices,
  current: Connector,
  { defaultInstallationId: reference = current.defaultInstallationId }: UpdateBody,
): Promise<string | null> {
  if (reference === null || reference === current.defaultInstallationId) return reference;
  const found = await findInstallation(db, current.id, reference);
  if (found === null || found.state === "removed") {
    throw new ApiError("bad_request", { message: "defaultInstallationId: this connector has no such installation." });
  }
  return found.id;
}

/** Colours and icon of the body over the stored ones; null removes one. */
function rebranded(stored: Branding, body: Pick<UpdateBody, keyof Branding>): Branding {
  const { backgroundColor = stored.backgroundColor, accentColor = stored.accentColor, icon = stored.icon } = body;
  return {
    ...(backgroundColor != null && { backgroundColor }),
    ...(accentColor != null && { accentColor }),
    ...(icon != null && { icon }),
  };
}
