import { randomInt } from "node:crypto";
import type { D1Database } from "@cloudflare/workers-types";
import type { FakeGitHub } from "../../test/providers/github/github.ts";
import { request, text } from "../demo/api.ts";
import { type Deployment, tokenPath } from "./deployment.ts";

/** A GitHub App that many organizations installed, as a connector of the one project. */
export interface InstalledApp {
  path: string;
  /** Our ids of its installations. */
  installations: string[];
  /** The body of a request for the token of an installation that has that number, of all narrowings; null = not narrowed. */
  body(installation: number, narrowing: number | null): string;
}

const UID = "bench/github";
const REPOSITORIES = 5;
const NAMES = ["contents", "issues", "pull_requests", "actions", "deployments"];
const LEVELS = ["", ":read", ":write"];
/** The longest that there is: renewing a thousand leases is not what one is compared with. */
const LEASE_SECONDS = 300;
/** Rows that one statement writes. */
const BATCH = 250;

export async function installApp(deployment: Deployment, github: FakeGitHub, count: number): Promise<InstalledApp> {
  // The quota of an app with that many installations, and more.
  github.configure({ hourlyLimit: 1_000_000_000 });
  const permissions = Object.fromEntries(NAMES.map((name) => [name, "write" as const]));
  const app = await github.registerApp({ name: "Bench", permissions });
  for (let number = 0; number < count; number += 1) {
    const login = `tenant-${number}`;
    github.addOrganization(login);
    for (let one = 0; one < REPOSITORIES; one += 1) github.addRepository(`${login}/repository-${one}`);
    await github.install(app.id, login, { notify: false });
  }
  const { id, slug, name, clientId, clientSecret, pem } = app;
  const place = { host: github.webOrigin, apiUrl: github.apiBase };
  const data = { appId: id, appSlug: slug, appName: name, clientId, clientSecret, privateKeyPem: pem, ...place };
  const post = async (path: string, body: object, expect: number) => {
    const call = { method: "POST", path, body: { ...body }, expect, token: deployment.owner } as const;
    return (await request(`http://127.0.0.1:${deployment.worker.port}`, call)).value;
  };
  const fields = { type: "github", uid: UID, name: "GitHub", data, leaseSeconds: LEASE_SECONDS };
  const connector = await post("/v1/connect/connectors", fields, 201);
  const link = { environments: ["production"] };
  await post(`/v1/connect/connectors/${encodeURIComponent(UID)}/projects/bench`, link, 200);
  const installations = await writeRows(deployment.database, text(connector, "id"), github.installations(id));
  return {
    path: tokenPath(UID),
    installations,
    body: (installation, narrowing) =>
      JSON.stringify({
        subject: { type: "app" },
        installationId: installations[installation],
        ...(narrowing !== null && { authorizationDetails: [detail(narrowing)] }),
      }),
  };
}

/** As if each had been told of by an event. */
async function writeRows(database: D1Database, connectorId: string, views: object[]): Promise<string[]> {
  const ids = views.map((_, index) => `ins_bench${String(index).padStart(15, "0")}`);
  for (let from = 0; from < views.length; from += BATCH) {
    const rows = views.slice(from, from + BATCH).map((view, index) => ({ ...view, ours: ids[from + index] }));
    await database
      .prepare(
        `INSERT INTO installations (id, connector_id, tenant_id, external_id, name, details, state, created_at_ms, updated_at_ms)
         SELECT value ->> 'ours', ?1, value ->> '$.account.id', value ->> 'id', value ->> '$.account.login',
           json_object('permissions', value -> 'permissions', 'repository_selection', value ->> 'repository_selection',
             'account', json_object('login', value ->> '$.account.login', 'type', value ->> '$.account.type')),
           'active', ?2 + key, ?2 + key
         FROM json_each(?3)`,
      )
      .bind(connectorId, Date.now() - views.length + from, JSON.stringify(rows))
      .run();
  }
  return ids;
}

/** One repository, and permissions that no smaller number has with it; there are 1,210 of them. */
function detail(narrowing: number) {
  const number = Math.floor(narrowing / REPOSITORIES) + 1;
  const permissions = NAMES.flatMap((name, place) => {
    const level = LEVELS[Math.floor(number / LEVELS.length ** place) % LEVELS.length];
    return level ? [name + level] : [];
  });
  return { type: "github_app_installation", permissions, repositories: [`repository-${narrowing % REPOSITORIES}`] };
}

/** So many numbers below `total`, all different. */
export function sampleOf(total: number, count: number): number[] {
  const sampled = new Set<number>();
  while (sampled.size < Math.min(count, total)) sampled.add(randomInt(total));
  return [...sampled];
}
