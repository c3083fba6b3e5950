import type { AccessTokenCaller } from "../../callers/caller.ts";
import { roleIncludes } from "../../callers/roles.ts";
import { requireConnector } from "../../connectors/connector-access.ts";
import { entityTag } from "../../connectors/connector-wire.ts";
import { requireTeamId } from "../../connectors/driver-context.ts";
import { unwrap } from "../../errors.ts";
import { managementEndpoint } from "../../http/endpoint.ts";
import type { Services } from "../../services.ts";
import { TriggerChange } from "../settings/change-trigger.ts";
import { requireTrigger, saveTrigger } from "../settings/save-trigger.ts";
import { openTriggerSecrets } from "../settings/trigger-secrets.ts";
import type { Trigger } from "../settings/trigger-store.ts";
import { triggerToWire } from "../settings/trigger-wire.ts";

export const getTrigger = managementEndpoint("viewer", {
  async handle({ services, params, caller }) {
    const connector = await requireConnector(services.db, params.c);
    return shown(services, caller, await requireTrigger(services, connector.id), await requireTeamId(services));
  },
});

export const putTrigger = managementEndpoint("admin", {
  conditional: true,
  body: TriggerChange,
  async handle({ services, params, body, headers, caller }) {
    const connector = await requireConnector(services.db, params.c);
    const teamId = await requireTeamId(services);
    const saved = await saveTrigger(services, { connector, teamId }, body, headers);
    return shown(services, caller, saved, teamId);
  },
});

async function shown(services: Services, { role }: AccessTokenCaller, trigger: Trigger, teamId: string) {
  const secrets = unwrap(await openTriggerSecrets(services.keys, teamId, trigger));
  const { publicOrigin } = services.settings;
  const isAdmin = roleIncludes(role, "admin");
  const body = triggerToWire(trigger, secrets, { publicOrigin, nowMs: services.now(), isAdmin });
  return { status: 200 as const, body, headers: entityTag(trigger) };
}
