import type { Services } from "../services.ts";
import { kindOf } from "./flow-table.ts";

/** The path of a request's page. */
export function pagePath(requestId: string): string {
  return `/${kindOf(requestId) === "installation" ? "install" : "authorize"}/${encodeURIComponent(requestId)}`;
}

/** Where a user agrees to a request, or reads how it ended. */
export function pageUrl(requestId: string, { settings }: Pick<Services, "settings">): string {
  return settings.publicOrigin + pagePath(requestId);
}
