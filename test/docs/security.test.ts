import { describe, expect, test } from "vitest";
import { ATTACK_ROWS } from "../../scripts/attack-rows.ts";
import { coveredRows, section } from "../../scripts/doc-tables.ts";
import { textOf, textsBelow } from "./texts.ts";

const tests = Object.entries(textsBelow("test/")).map(([path, text]) => [path.replace("test/", ""), text]);
const covered = coveredRows(Object.fromEntries(tests));
const listed = [
  ...(section(textOf("docs/security.md"), "coverage") ?? "").matchAll(/^\| ([A-Z]-\d{2}) \| ([^|]+) \| ([^|]*) \|$/gm),
];

// After tests came or went: node scripts/docs.ts
describe("docs/security.md claims no coverage that is not there", () => {
  test("every listed file has a test of the row that it is listed for", () => {
    expect(listed.length).toBeGreaterThan(40);
    for (const [, id = "", , files = ""] of listed) {
      const claimed = [...files.matchAll(/`([^`]+)`/g)].map(([, file]) => file);
      expect(covered.get(id), id).toEqual(expect.arrayContaining(claimed));
      expect(claimed.length, id).toBeGreaterThan(0);
    }
  });

  test("every row that tests are named after is listed, with what it means", () => {
    expect(listed.map(([, id]) => id)).toEqual([...covered.keys()]);
    expect(listed.map(([, id = "", attack]) => [id, attack])).toEqual(
      listed.map(([, id = ""]) => [id, ATTACK_ROWS[id]]),
    );
  });

  test("a suite or test is found by the ids that its title starts with, alone", () => {
    // Put together here, so that this file does not itself claim to cover them.
    const [first, second, third] = ["01", "11", "02"].map((number) => `B-${number}`);
    const source = `test("${first} ${second} x", …); test("SHA-256 gives", …); test("about ${third} it", …)`;
    expect([...coveredRows({ "a.test.ts": source }).keys()]).toEqual([first, second]);
  });
});
