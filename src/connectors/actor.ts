import type { AccessTokenCaller } from "../callers/caller.ts";
import type { Actor } from "./connector-row.ts";

/** The user or workload that an access token stands for; null for a machine's. */
export function actorOf({ userId, projectId, environment }: AccessTokenCaller): Actor | null {
  if (userId !== null) return { type: "user", id: userId };
  return projectId !== null && environment !== null ? { type: "project", id: projectId, environment } : null;
}
