import { requireConnector } from "../../connectors/connector-access.ts";
import { entityTag } from "../../connectors/connector-wire.ts";
import { requireTeamId } from "../../connectors/driver-context.ts";
import { unwrap } from "../../errors.ts";
import { managementEndpoint } from "../../http/endpoint.ts";
import type { Services } from "../../services.ts";
import { forgetTrigger } from "../ingress/trigger-memory.ts";
import { TriggerChange } from "../settings/change-trigger.ts";
import { requireTrigger, saveTrigger } from "../settings/save-trigger.ts";
import { openTriggerSecrets } from "../settings/trigger-secrets.ts";
import type { Trigger } from "../settings/trigger-store.ts";
import { triggerToWire } from "../settings/trigger-wire.ts";

export const getTrigger = managementEndpoint("viewer", {
  async handle({ services, params }) {
    const connector = await requireConnector(services.db, params.c);
    return shown(services, await requireTrigger(services, connector.id), await requireTeamId(services));
  },
});

export const putTrigger = managementEndpoint("admin", {
  conditional: true,
  body: TriggerChange,
  async handle({ services, params, body, headers }) {
    const connector = await requireConnector(services.db, params.c);
    const teamId = await requireTeamId(services);
    const saved = await saveTrigger(services, { connector, teamId }, body, headers);
    forgetTrigger(services.triggerMemory, saved.ingressId);
    return shown(services, saved, teamId);
  },
});

async function shown(services: Services, trigger: Trigger, teamId: string) {
  const secrets = unwrap(await openTriggerSecrets(services.keys, teamId, trigger));
  const { publicOrigin } = services.settings;
  const body = triggerToWire(trigger, secrets, { publicOrigin, nowMs: services.now() });
  return { status: 200 as const, body, headers: entityTag(trigger) };
}
