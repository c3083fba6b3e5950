import * as z from "zod/mini";
import { managementEndpoint } from "../http/endpoint.ts";
import { displayName, slug } from "../http/fields.ts";
import { decodeCursor, MAX_PAGE_SIZE, pageQuery, paginate } from "../http/pagination.ts";
import { orConflict } from "../store/conflict.ts";
import { newId } from "../store/ids.ts";
import { listEnvironments } from "./environment-store.ts";
import { environmentToWire } from "./environment-wire.ts";
import { insertProject, listProjects, type Project, requireProject } from "./project-store.ts";

export const createProject = managementEndpoint("admin", {
  creates: true,
  body: z.strictObject({ slug, name: z.optional(displayName) }),
  async handle({ services, body }) {
    const now = services.now();
    const project: Project = {
      id: newId("prj", services.randomBytes),
      slug: body.slug,
      name: body.name ?? body.slug,
      createdAtMs: now,
      updatedAtMs: now,
    };
    await orConflict(insertProject(services.db, project), "slug: another project has it.");
    return { status: 201, body: toWire(project) };
  },
});

export const getProjects = managementEndpoint("viewer", {
  query: z.object(pageQuery(50)),
  async handle({ services, query }) {
    const rows = await listProjects(services.db, decodeCursor(query.cursor, "string"), query.limit + 1);
    const { page, pagination } = paginate(rows, query.limit, (row) => ({ key: row.slug, id: row.id }));
    return { status: 200, body: { projects: page.map(toWire), pagination } };
  },
});

export const getProject = managementEndpoint("viewer", {
  async handle({ services, params }) {
    const project = await requireProject(services.db, params.p);
    const environments = await listEnvironments(services.db, project.id, null, MAX_PAGE_SIZE);
    return { status: 200, body: { ...toWire(project), environments: environments.map(environmentToWire) } };
  },
});

function toWire(project: Project) {
  return {
    id: project.id,
    slug: project.slug,
    name: project.name,
    createdAt: project.createdAtMs,
    updatedAt: project.updatedAtMs,
  };
}
