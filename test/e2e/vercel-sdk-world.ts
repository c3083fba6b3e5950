import { Vercel } from "@vercel/sdk";
import { expect } from "vitest";
import { text } from "./http.ts";
import type { Team } from "./team.ts";

/** The typed client with an administrator's access token of that user. */
export async function clientOf({ server, owner }: Team, userId: string): Promise<Vercel["connect"]> {
  const body = { name: userId, role: "admin", userId };
  const made = await server.expect(201, { method: "POST", path: "/v1/access-tokens", token: owner, body });
  return new Vercel({ bearerToken: text(made, "token"), serverURL: server.origin }).connect;
}

/** The `data` of a connector, which the client's own type lacks. */
export async function dataOf({ server, owner }: Team, id: string): Promise<unknown> {
  return (await server.expect(200, { method: "GET", path: `/v1/connect/connectors/${id}`, token: owner })).data;
}

/** What every connector of ours shows, whatever it is. */
export const EVERY_CONNECTOR = {
  supportsIcon: "false",
  supportsInstallation: false,
  supportsTriggers: true,
  triggers: { enabled: false },
  creationMode: "manual",
  createdAt: expect.any(Number),
  updatedAt: expect.any(Number),
};
