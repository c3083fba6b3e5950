import { fail, ok, type Result } from "../errors.ts";
import type { Team } from "./team-store.ts";

/**
 * `?teamId=` and `?slug=` are accepted when they name this deployment's one team (clients of multi-team systems send
 * them). Both at once → `bad_request`; another team → `not_found`.
 */
export async function checkTeamSelector(
  { teamId, slug }: { teamId: string | undefined; slug: string | undefined },
  loadTeam: () => Promise<Team | null>,
): Promise<Result<null>> {
  if (teamId === undefined && slug === undefined) return ok(null);
  if (teamId !== undefined && slug !== undefined) {
    return fail("bad_request", { message: "Send teamId or slug, not both." });
  }
  const team = await loadTeam();
  const named = team !== null && (teamId === undefined ? slug === team.name || slug === team.id : teamId === team.id);
  return named ? ok(null) : fail("not_found", { message: "There is no such team here. Omit teamId and slug." });
}
