import { expect, test } from "vitest";
import { createLogger } from "../../src/log.ts";
import { tellGrants } from "../../src/tokens/tell-grants.ts";

test("grants that do not answer are counted and told to the log; the others have done it", async () => {
  const lines: string[] = [];
  const asked: unknown[] = [];
  const grant = (name: string, region: string | null) => ({
    revoke: async (reach: object) => {
      asked.push([name, region, reach]);
      if (name !== "g1:well") throw new Error("the object was reset");
      return { tokensFound: 1 };
    },
  });
  // The one method of a Grant that is called.
  const services = { grants: { grant }, log: createLogger((line) => lines.push(line)) };
  const given = services as unknown as Parameters<typeof tellGrants>[3];
  const names = ["g1:dead", "g1:well", "g1:gone"];
  expect(await tellGrants(names, "weur", "lnk_1", given)).toEqual({ told: [{ tokensFound: 1 }], missed: 2 });
  const reach = { revokedBeforeMs: null, linkId: "lnk_1" };
  expect(asked).toEqual(names.map((name) => [name, "weur", reach]));
  const told = { level: "warn", event: "revoke.grant_unreachable", reason: expect.stringContaining("was reset") };
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([told, told]);
  expect(await tellGrants([], null, null, given)).toEqual({ told: [], missed: 0 });
});
