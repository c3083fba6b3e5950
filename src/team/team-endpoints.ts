import { ApiError } from "../errors.ts";
import { managementEndpoint } from "../http/endpoint.ts";
import { findTeam } from "./team-store.ts";

export const getTeam = managementEndpoint("viewer", {
  async handle({ services }) {
    const team = await findTeam(services.db);
    if (team === null) throw new ApiError("not_found");
    return { status: 200, body: { id: team.id, name: team.name, createdAt: team.createdAtMs } };
  },
});
