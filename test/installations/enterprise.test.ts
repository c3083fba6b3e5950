import { expect, test } from "vitest";
import { githubDriver } from "../../src/catalog/github/driver.ts";
import { findInstallation } from "../../src/installations/installation-store.ts";
import { recordNews } from "../../src/installations/record-news.ts";
import { sql } from "../../src/store/database.ts";
import { testServices } from "../support/services.ts";

function created(id: number, account: object, updated_at: string) {
  const granted = { app_id: 1, permissions: { contents: "read" }, repository_selection: "all", suspended_at: null };
  const payload = { action: "created", installation: { ...granted, id, account, updated_at } };
  const news = githubDriver.installations?.newsOf("installation.created", payload);
  if (!news) throw new Error("no news");
  return news;
}

test("A-16 an enterprise is not the organization that has the same number: they are counted apart", async () => {
  const services = { ...(await testServices()), grants: null };
  await services.db.batch([
    sql("INSERT INTO team (id, name, created_at_ms) VALUES ('team_ent', 't', 1) ON CONFLICT DO NOTHING"),
    sql(
      `INSERT INTO connectors (id, uid, name, type, service, config, lease_seconds, created_at_ms, updated_at_ms)
       VALUES ('scl_ent', 'u', 'News', 'github', 'github', '{}', 60, 1, 1)`,
    ),
  ]);
  const at = { connectorId: "scl_ent", region: null };
  const organization = created(11, { id: 9919, login: "github", type: "Organization" }, "2026-11-01T00:00:00Z");
  const enterprise = created(12, { id: 9919, slug: "evil-corp" }, "2026-11-02T00:00:00Z");
  const first = await recordNews(services, at, organization, { isOwn: true });
  const second = await recordNews(services, at, enterprise, { isOwn: false });
  expect(second?.id).not.toBe(first?.id);
  for (const reference of [first?.id ?? "", "9919", "github"]) {
    const found = await findInstallation(services.db, "scl_ent", reference);
    expect(found).toMatchObject({ id: first?.id, name: "github", externalId: "11" });
  }
  for (const reference of ["enterprise:9919", "evil-corp"]) {
    expect((await findInstallation(services.db, "scl_ent", reference))?.id).toBe(second?.id);
  }
});
