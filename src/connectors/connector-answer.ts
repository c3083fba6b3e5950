import { driverOf } from "../catalog/registry.ts";
import type { Services } from "../services.ts";
import { NO_TRIGGERS, triggersOf } from "../triggers/settings/connector-triggers.ts";
import type { Connector } from "./connector-row.ts";
import { connectorToWire, connectorWithDataToWire, entityTag } from "./connector-wire.ts";

type AnswerServices = Pick<Services, "db" | "settings">;

/** Connectors as the API shows them, with what they receive and where it goes. */
export async function connectorsToWire({ db, settings }: AnswerServices, connectors: readonly Connector[]) {
  const ids = connectors.map(({ id }) => id);
  const triggers = await triggersOf(db, ids);
  return connectors.map((connector) =>
    connectorToWire(connector, driverOf(connector.type), settings.publicOrigin, triggers.get(connector.id)),
  );
}

/** A connector as those who manage it see it. */
export async function connectorAnswer<Status extends 200 | 201>(
  services: AnswerServices,
  connector: Connector,
  status: Status,
) {
  const [body] = await connectorsToWire(services, [connector]);
  return { status, body, headers: entityTag(connector) };
}

/** The same with `data`. Workloads may see it, too, but not where its provider calls. */
export async function connectorWithDataAnswer(
  { db, settings }: AnswerServices,
  connector: Connector,
  { showsIngress }: { showsIngress: boolean },
) {
  const triggers = (await triggersOf(db, [connector.id])).get(connector.id) ?? NO_TRIGGERS;
  const shown = { ...triggers, ingressId: showsIngress ? triggers.ingressId : null };
  const body = connectorWithDataToWire(connector, driverOf(connector.type), settings.publicOrigin, shown);
  return { status: 200 as const, body, headers: entityTag(connector) };
}
