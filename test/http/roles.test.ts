import { beforeAll, describe, expect, test } from "vitest";
import { admits, CALLERS, type CallerName } from "../../scripts/doc-tables.ts";
import type { Route } from "../../src/http/routing.ts";
import { ROUTES } from "../../src/routes.ts";
import { apiKeyBody, created, newWorld, type World } from "../connectors/world.ts";
import { accessToken } from "../support/api.ts";

/**
 * Every route × every caller. What is expected comes from each endpoint's own `access`, `role` and `teamWide`, which
 * also make the table in docs/api.md; what is observed is a request.
 */
const ROLES = ["viewer", "developer", "admin", "owner"] as const;

let world: World;
let connectorId: string;
const tokens = new Map<string, string | undefined>();

beforeAll(async () => {
  world = await newWorld();
  connectorId = await created(world, apiKeyBody({ projectId: world.projectA }));
  tokens.set("nobody", undefined).set("workload", world.workloadOfA);
  for (const role of ROLES) {
    tokens.set(role, await accessToken(world.api, world.owner, { role }));
    const bound = { role, projectId: world.projectA };
    tokens.set(`bound ${role}`, await accessToken(world.api, world.owner, bound));
    tokens.set(
      `production ${role}`,
      await accessToken(world.api, world.owner, { ...bound, environment: "production" }),
    );
  }
});

/** Makes a token for `development`, so the handler refuses tokens that are bound to another environment. */
const OF_DEVELOPMENT = "POST /v1/projects/:p/token";

const REFUSALS = [401, 403];

/** Where an empty body says nothing of who may ask. */
const BODIES: Record<string, string> = { "POST /v1/connect/complete": '{"verifier":"junk"}' };

/** The answer's status to an otherwise empty request; other parameters than the project name nothing. */
async function statusOf([method, pattern]: Route, token: string | undefined, project: string, connector = "junk") {
  const path = pattern.replace(":p", project).replace(":c", connector).replaceAll(/:\w+/g, "junk");
  const { status, headers } = await world.api.send(path, {
    method,
    headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), "content-type": "application/json" },
    ...(method !== "GET" && { body: BODIES[`${method} ${pattern}`] ?? "{}" }),
  });
  // What a page refuses is its form or its cookie, not who asks.
  return headers.get("content-type")?.startsWith("text/html") ? 200 : status;
}

const named = ROUTES.map((route) => [`${route[0]} ${route[1]}`, route] as const);

function routeOf(name: string): Route {
  const found = named.find(([other]) => other === name);
  if (found === undefined) throw new Error(`no route ${name}`);
  return found[1];
}

describe("who is let in", () => {
  test.for(named.map(([name]) => name))("%s", { timeout: 30_000 }, async (name) => {
    const route = routeOf(name);
    // A runtime route refuses in its handler as well: the next suite.
    if (route[2].access === "runtime") {
      expect(await statusOf(route, undefined, world.projectA)).toBe(401);
      return;
    }
    const observed: Record<string, boolean> = {};
    const expected: Record<string, boolean> = {};
    const ask = async (who: string, token: string | undefined, project: string, isAdmitted: boolean) => {
      observed[who] = !REFUSALS.includes(await statusOf(route, token, project));
      expected[who] = isAdmitted;
    };
    for (const caller of CALLERS) await ask(caller, tokens.get(caller), world.projectA, admits(route, caller));
    for (const role of ROLES) {
      for (const kind of ["bound", "production"]) {
        const token = tokens.get(`${kind} ${role}`);
        const isOther = kind === "production" && name === OF_DEVELOPMENT;
        await ask(`${kind} ${role}`, token, world.projectA, admits(route, role, true) && !isOther);
        const isPublic = admits(route, "nobody");
        await ask(`${kind} ${role}, elsewhere`, token, world.projectB, isPublic);
      }
    }
    expect(observed).toEqual(expected);
  });

  test("the table refuses somebody on every route that is not public, and no role admits less than the one below", () => {
    for (const [, route] of named) {
      if (["public", "provider"].includes(route[2].access)) continue;
      expect(admits(route, "nobody")).toBe(false);
      const admitted = ROLES.map((role) => admits(route, role));
      expect(admitted).toEqual(admitted.toSorted((a, b) => Number(a) - Number(b)));
      expect(admits(route, "owner")).toBe(true);
    }
  });
});

describe("what runtime routes decide by themselves", () => {
  const MAY: Record<string, (caller: CallerName, boundTo: "team" | "project" | "environment") => boolean> = {
    // Everybody of the team, and whoever the connector is linked to.
    "GET /v1/connect/connectors/:c": () => true,
    // Who stands for an environment, from developer on.
    "POST /v1/connect/token/:c": (caller, boundTo) => boundTo === "environment" && caller !== "viewer",
    // {} revokes everything: admins of the whole team.
    "DELETE /v1/connect/connectors/:c/tokens": (caller, boundTo) =>
      boundTo === "team" && ["admin", "owner"].includes(caller),
    // As for tokens: who stands for an environment, from developer on.
    "POST /v1/connect/authorize/:c": (caller, boundTo) => boundTo === "environment" && caller !== "viewer",
    "POST /v1/connect/install/:c": (caller, boundTo) => boundTo === "environment" && caller !== "viewer",
    "POST /v1/connect/complete": (caller, boundTo) => boundTo === "environment" && caller !== "viewer",
    // Whoever has the verifier, which says which; without it there is nothing to see.
    "GET /v1/connect/result/:id": () => true,
    "POST /v1/connect/result": () => true,
  };

  test("every runtime route has its rule here", () => {
    const runtime = named.filter(([, [, , endpoint]]) => endpoint.access === "runtime").map(([name]) => name);
    expect(runtime.toSorted()).toEqual(Object.keys(MAY).toSorted());
  });

  test.for(Object.keys(MAY))("%s", async (name) => {
    const route = routeOf(name);
    const may = MAY[name] ?? (() => false);
    const observed: Record<string, boolean> = {};
    const expected: Record<string, boolean> = {};
    const ask = async (who: string, isAdmitted: boolean) => {
      observed[who] = !REFUSALS.includes(await statusOf(route, tokens.get(who), world.projectA, connectorId));
      expected[who] = isAdmitted;
    };
    await ask("workload", may("workload", "environment"));
    for (const role of ROLES) {
      await ask(role, may(role, "team"));
      await ask(`bound ${role}`, may(role, "project"));
      await ask(`production ${role}`, may(role, "environment"));
    }
    expect(observed).toEqual(expected);
  });
});
