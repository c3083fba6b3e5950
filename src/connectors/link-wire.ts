import type { Link, ProjectEnvironment } from "./link-row.ts";

/** A link as the contract has it (§2, Link). Narrowing appears where there is any; origins are those in force. */
export function linkToWire(link: Link): Record<string, unknown> {
  const customEnvironments = link.projectEnvironments.filter(({ id }) => id.startsWith("env_")).toSorted(byId);
  return {
    connectorId: link.connectorId,
    enabledEnvironments: link.environments,
    environments: link.environments,
    project: {
      id: link.projectId,
      name: link.projectName,
      ...(customEnvironments.length > 0 && {
        customEnvironments: customEnvironments.map(({ id, slug }) => ({ id, slug })),
      }),
    },
    ...(link.installations !== null && { installations: link.installations }),
    ...(link.subjects !== null && { subjects: link.subjects }),
    ...(link.subjectNamespace !== null && { subjectNamespace: link.subjectNamespace }),
    ...(link.scopes !== null && { scopes: link.scopes }),
    ...(link.authorizationDetails !== null && { authorizationDetails: link.authorizationDetails }),
    returnOrigins: link.returnOrigins ?? environmentOrigins(link),
    webhookOrigins: link.webhookOrigins ?? environmentOrigins(link),
    createdAt: link.createdAtMs,
    updatedAt: link.updatedAtMs,
  };
}

/** The origins of the link's environments, in the order of its environments; a preview origin may be a template. */
export function environmentOrigins(link: Pick<Link, "environments" | "projectEnvironments">): string[] {
  const origins = link.environments.flatMap(
    (id) => link.projectEnvironments.find((environment) => environment.id === id)?.origin ?? [],
  );
  return [...new Set(origins)];
}

function byId(a: ProjectEnvironment, b: ProjectEnvironment): number {
  return a.id < b.id ? -1 : 1;
}
