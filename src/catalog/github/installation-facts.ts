import * as z from "zod/mini";
import type { FoundInstallation, InstallationNews } from "../installations.ts";

const number = z.int().check(z.gte(1));
/** ISO 8601, or seconds since the epoch in some events. */
const time = z.pipe(
  z.union([z.string(), z.number()]),
  z.transform((value) => {
    const ms = typeof value === "number" ? value * 1000 : Date.parse(value);
    return Number.isFinite(ms) ? ms : null;
  }),
);
/** An enterprise has a slug and no login, and a number that an account may have, too. */
const account = z.object({
  id: number,
  login: z.optional(z.string().check(z.maxLength(200))),
  slug: z.optional(z.string().check(z.maxLength(200))),
  type: z.optional(z.string().check(z.maxLength(50))),
});

/** https://docs.github.com/rest/apps/apps#get-an-installation-for-the-authenticated-app */
export const installationBody = z.object({
  id: number,
  app_id: number,
  account,
  permissions: z.record(z.string().check(z.maxLength(100)), z.string().check(z.maxLength(20))),
  repository_selection: z.enum(["all", "selected"]),
  updated_at: z.optional(time),
  suspended_at: z.nullish(z.unknown()),
});

export function foundInstallation(body: z.output<typeof installationBody>): FoundInstallation {
  const { id, account, permissions, repository_selection, updated_at: changedAtMs = null, suspended_at } = body;
  const login = account.login ?? account.slug ?? null;
  return {
    externalId: String(id),
    tenantId: account.login === undefined ? `enterprise:${account.id}` : String(account.id),
    name: login,
    details: { permissions, repository_selection, account: { login, type: account.type ?? "Enterprise" } },
    state: suspended_at ? "suspended" : "active",
    changedAtMs,
  };
}

const event = z.object({ action: z.string(), installation: installationBody });

/** Actions that say how an installation is now. */
const TOLD_BY = new Map<string | undefined, ReadonlySet<string | undefined>>([
  ["installation", new Set(["created", "deleted", "suspend", "unsuspend", "new_permissions_accepted"])],
  ["installation_repositories", new Set(["added", "removed"])],
]);

/** An event's type is its name and its action. */
export function tellsOfInstallation(type: string | null): boolean {
  const [name, action] = type?.split(".") ?? [];
  return TOLD_BY.get(name)?.has(action) === true;
}

/**
 * What an `installation` or `installation_repositories` event says. A renamed account (`installation_target`) comes
 * without what it granted, so its name is learned with the next event.
 * https://docs.github.com/webhooks/webhook-events-and-payloads#installation
 */
export function installationNews(type: string | null, payload: unknown): InstallationNews | null {
  const parsed = tellsOfInstallation(type) ? event.safeParse(payload) : null;
  if (!parsed?.success) return null;
  const found = foundInstallation(parsed.data.installation);
  return parsed.data.action === "deleted" ? { ...found, state: "removed" } : found;
}
