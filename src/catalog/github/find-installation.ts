import * as z from "zod/mini";
import { ok, type Result } from "../../errors.ts";
import type { Asserting, DriverDeps } from "../driver.ts";
import type { FoundInstallation, InstallationRequest } from "../installations.ts";
import { callAsApp, misshapen, refusedClient, unexpected } from "./api.ts";
import type { GitHubConfig } from "./config.ts";
import { foundInstallation, installationBody } from "./installation-facts.ts";

type Deps = Pick<DriverDeps, "fetch" | "now">;

const appBody = z.object({
  id: z.int(),
  slug: z.optional(z.string()),
  client_id: z.optional(z.string()),
  owner: z.optional(z.unknown()),
});

/** The app that the assertion is of. https://docs.github.com/rest/apps/apps#get-the-authenticated-app */
export async function findApp(
  request: Pick<Asserting<GitHubConfig>, "config" | "assertion">,
  deps: Deps,
): Promise<Result<z.output<typeof appBody>>> {
  const answer = await callAsApp(request, { method: "GET", path: "/app" }, deps);
  if (!answer.ok) return answer;
  // 404: there is no app of that client id.
  if (answer.value.status === 404) return refusedClient(404);
  if (answer.value.status !== 200) return unexpected(answer.value);
  const body = appBody.safeParse(answer.value.json);
  return body.success ? ok(body.data) : misshapen("app: bad members");
}

/**
 * The installation as GitHub has it now; null = this app has none of that id, which is believed only of an app that
 * GitHub knows.
 */
export async function findInstallation(
  request: InstallationRequest<GitHubConfig>,
  deps: Deps,
): Promise<Result<FoundInstallation | null>> {
  if (!/^[1-9]\d{0,14}$/.test(request.externalId)) return ok(null);
  const answer = await callAsApp(request, { method: "GET", path: `/app/installations/${request.externalId}` }, deps);
  if (!answer.ok) return answer;
  if (answer.value.status === 404) {
    const app = await findApp(request, deps);
    return app.ok ? ok(null) : app;
  }
  if (answer.value.status !== 200) return unexpected(answer.value);
  const body = installationBody.safeParse(answer.value.json);
  if (!body.success) return misshapen("installation: bad members");
  const { appId } = request.config;
  return ok(appId !== null && body.data.app_id !== appId ? null : foundInstallation(body.data));
}
