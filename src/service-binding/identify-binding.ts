import * as z from "zod/mini";
import type { ServiceBindingCaller } from "../callers/caller.ts";
import type { CallerDirectory } from "../callers/caller-directory.ts";
import { fail, ok, type Result } from "../errors.ts";

const propsSchema = z.strictObject({
  project: z.string().check(z.minLength(1), z.maxLength(100)),
  environment: z.string().check(z.minLength(1), z.maxLength(100)),
});

/**
 * Whom a service binding stands for. Its `props` come from the configuration that the calling Worker was deployed with;
 * the platform hands them over, and nothing that runs in that Worker can change them. Fails with `invalid_config` when
 * they do not say it, `not_found` for a slug that no project has.
 * https://developers.cloudflare.com/workers/runtime-apis/context/#props
 */
export async function identifyBinding(
  props: unknown,
  directory: Pick<CallerDirectory, "projectId">,
): Promise<Result<ServiceBindingCaller>> {
  const parsed = propsSchema.safeParse(props);
  if (!parsed.success) return fail("invalid_config", { message: explain(parsed.error.issues) });
  const { project, environment } = parsed.data;
  if (project.startsWith("prj_")) return ok({ kind: "service-binding", projectId: project, environment });
  const found = await directory.projectId(project);
  if (!found.ok) return found;
  if (found.value === null) {
    return fail("not_found", { message: "The service binding's props name a project that does not exist." });
  }
  return ok({ kind: "service-binding", projectId: found.value.value, environment });
}

/** Names what is wrong, and quotes no value. */
function explain(issues: z.core.$ZodIssue[]): string {
  const wrong = issues.map((issue) =>
    issue.code === "unrecognized_keys" ? `unknown ${issue.keys.join(", ")}` : issue.path.join(".") || "no object",
  );
  return (
    "The service binding's props are not usable " +
    `(${wrong.join("; ").slice(0, 200)}). Deploy the calling Worker with ` +
    'props = { project = "<id or slug>", environment = "<id>" } on this binding.'
  );
}
