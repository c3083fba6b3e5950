import * as z from "zod/mini";
import type { EnvironmentId } from "../callers/caller.ts";
import { effectiveByTime } from "../connectors/effective-by.ts";
import { ApiError, unwrap } from "../errors.ts";
import { managementEndpoint } from "../http/endpoint.ts";
import { slug } from "../http/fields.ts";
import { decodeCursor, pageQuery, paginate } from "../http/pagination.ts";
import type { UrlPolicy } from "../outbound/url-policy.ts";
import { orConflict } from "../store/conflict.ts";
import { newId } from "../store/ids.ts";
import { forgetTriggers } from "../triggers/ingress/trigger-memory.ts";
import { destinationsChanged } from "../triggers/settings/destinations-changed.ts";
import { deleteEnvironment } from "./delete-environment.ts";
import { type Environment, insertEnvironment, listEnvironments, setOrigin } from "./environment-store.ts";
import { environmentToWire } from "./environment-wire.ts";
import { checkOrigin } from "./origin.ts";
import { requireProject, STANDARD_ENVIRONMENTS } from "./project-store.ts";

const origin = z.nullish(z.string().check(z.minLength(1)));

export const putEnvironment = managementEndpoint("admin", {
  body: z.strictObject({ origin }),
  async handle({ services, params, body }) {
    const project = await requireProject(services.db, params.p);
    const id = params.id ?? "";
    const checked = originOf(body.origin, id, services.urlPolicy);
    const environment = await setOrigin(services.db, { projectId: project.id, id, origin: checked }, services.now());
    if (environment === null) throw new ApiError("not_found", { message: "The project has no such environment." });
    forgetTriggers(services.triggerMemory, ({ responder }) => responder?.projectId === project.id);
    return { status: 200, body: environmentToWire(environment) };
  },
});

export const createEnvironment = managementEndpoint("admin", {
  creates: true,
  body: z.strictObject({ slug, origin }),
  async handle({ services, params, body }) {
    const project = await requireProject(services.db, params.p);
    const now = services.now();
    const id = newId("env", services.randomBytes);
    const environment: Environment = {
      projectId: project.id,
      id,
      slug: body.slug,
      origin: originOf(body.origin, id, services.urlPolicy),
      createdAtMs: now,
      updatedAtMs: now,
    };
    await orConflict(insertEnvironment(services.db, environment), "slug: another environment of this project has it.");
    return { status: 201, body: environmentToWire(environment) };
  },
});

export const getEnvironments = managementEndpoint("viewer", {
  query: z.object(pageQuery(50)),
  async handle({ services, params, query }) {
    const project = await requireProject(services.db, params.p);
    const position = decodeCursor(query.cursor, "string");
    const rows = await listEnvironments(services.db, project.id, position, query.limit + 1);
    const { page, pagination } = paginate(rows, query.limit, (row) => ({ key: row.id, id: row.id }));
    return { status: 200, body: { environments: page.map(environmentToWire), pagination } };
  },
});

export const removeEnvironment = managementEndpoint("admin", {
  async handle({ services, params, defer }) {
    const project = await requireProject(services.db, params.p);
    const id = params.id ?? "";
    if (STANDARD_ENVIRONMENTS.some((standard) => standard === id)) {
      throw new ApiError("conflict", { message: `The environment '${id}' is built in and cannot be deleted.` });
    }
    const deleted = await deleteEnvironment(services.db, { projectId: project.id, id }, services.now());
    if (deleted === null) throw new ApiError("not_found", { message: "The project has no such environment." });
    for (const destination of deleted.destinations) {
      const { connectorId, region } = destination;
      defer(destinationsChanged(services, { id: connectorId, region }, [destination]));
    }
    return { status: 204, headers: effectiveByTime(deleted.effectiveByMs) };
  },
});

function originOf(given: string | null | undefined, environment: EnvironmentId, policy: UrlPolicy): string | null {
  return given === undefined || given === null ? null : unwrap(checkOrigin(given, environment, policy));
}
