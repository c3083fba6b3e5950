import type { Connector } from "../connectors/connector-row.ts";
import type { Services } from "../services.ts";
import { pageUrl } from "./page-url.ts";

/** A request that has begun, as its app is told. */
export function startedAnswer(
  { id, verifier, expiresAtMs }: { id: string; verifier: string; expiresAtMs: number },
  connector: Pick<Connector, "id" | "uid" | "type" | "name" | "service">,
  services: Pick<Services, "settings">,
) {
  const { service } = connector;
  return {
    status: 200 as const,
    body: {
      request: id,
      verifier,
      url: pageUrl(id, services),
      expiresAt: expiresAtMs,
      connector: {
        id: connector.id,
        uid: connector.uid,
        type: connector.type,
        name: connector.name,
        service,
        serviceName: service,
      },
    },
  };
}
