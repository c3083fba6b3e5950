import { expect, test } from "vitest";
import type { Database } from "../../src/store/database.ts";
import { sql } from "../../src/store/database.ts";
import { project } from "../support/api.ts";
import { isolate, scene } from "../support/connect.ts";
import { trustedWorkload } from "../support/workload.ts";

test("D-07 a rule that is refused because it overlaps another project's never holds, not even for a moment", async () => {
  const { api, services } = await isolate();
  const at = await scene(api, "rule-owner");
  const { issuer } = await trustedWorkload(api, at);
  const intruder = await project(api, at.owner, "rule-intruder");

  const seen: number[] = [];
  const look = async () => {
    const rows = await services.db.all(sql("SELECT 1 FROM identities WHERE project_id = ?", intruder));
    seen.push(rows.length);
  };
  const watched: Database = {
    first: (statement) => services.db.first(statement),
    all: async (statement) => {
      await look();
      return services.db.all(statement);
    },
    run: async (statement) => {
      await look();
      return services.db.run(statement);
    },
    batch: async (statements) => {
      const results = await services.db.batch(statements);
      await look();
      return results as never;
    },
  };
  const here = await isolate({ db: watched });
  const refused = await here.api.post(
    `/v1/projects/${intruder}/identities`,
    { issuer, environment: "production", claims: { sub: "workload" } },
    at.owner,
  );
  expect([refused.status, refused.body.error.code]).toEqual([409, "conflict"]);
  expect(seen.length).toBeGreaterThan(0);
  expect(Math.max(...seen)).toBe(0);
});

test("of overlapping rules that two projects write at once, one is stored", async () => {
  const { api, services } = await isolate();
  const at = await scene(api, "rule-race");
  const { issuer } = await trustedWorkload(api, at);
  const rivals = await Promise.all(["rival-a", "rival-b", "rival-c"].map((slug) => project(api, at.owner, slug)));
  const answers = await Promise.all(
    rivals.map((id) =>
      api.post(
        `/v1/projects/${id}/identities`,
        { issuer, environment: "production", claims: { sub: "contested" } },
        at.owner,
      ),
    ),
  );
  expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409, 409]);
  const rows = await services.db.all(sql("SELECT 1 FROM identities WHERE selector_value = ?", '"contested"'));
  expect(rows).toHaveLength(1);
});
