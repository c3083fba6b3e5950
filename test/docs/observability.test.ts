import { describe, expect, test } from "vitest";
import { section } from "../../scripts/doc-tables.ts";
import { REQUEST_FIELDS } from "../../src/http/request-event.ts";
import { PERIOD_MS } from "../../src/limits/rate-limiter.ts";
import { BLOBS, DOUBLES } from "../../src/metrics/data-point.ts";
import { textOf, textsBelow } from "./texts.ts";

const page = textOf("docs/observability.md");
const cellsOf = (name: string) =>
  [...(section(page, name) ?? "").matchAll(/^\| `.*$/gm)].map(([row]) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
const firstCells = (name: string) => cellsOf(name).map(([first]) => first);

describe("docs/observability.md says what there is to see", () => {
  test("every field of a request's line, in its order", () => {
    expect(firstCells("fields")).toEqual([...REQUEST_FIELDS]);
    const [, json = ""] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
    const example = Object.keys(JSON.parse(json));
    expect(example).toEqual(["level", "event", ...REQUEST_FIELDS.filter((field) => example.includes(field))]);
  });

  test("every event that is logged anywhere", () => {
    const source = Object.values(textsBelow("src/")).join("\n");
    const logged = [...source.matchAll(/\blog(?:\.(?:info|warn|error)|\[[^\]]+\])\(\s*"([^"]+)"/g)];
    const calls = [...source.matchAll(/\blog(?:\.(?:info|warn|error)|\[[^\]]+\])\(/g)];
    // A call whose event is no literal would not be found.
    expect(logged).toHaveLength(calls.length);
    expect(firstCells("events").toSorted()).toEqual([...new Set(logged.map(([, event]) => event))].toSorted());
  });

  test("every counter, at its position", () => {
    const positions = cellsOf("points").map(([column, field]) => [column, field]);
    expect(positions).toEqual([
      ["index1", "sampled by"],
      ...BLOBS.map((name, index) => [`blob${index + 1}`, name]),
      ...DOUBLES.map((name, index) => [`double${index + 1}`, name]),
    ]);
  });

  test("every limit with its number, and each admits a crowd of a thousand", () => {
    const blocks = [
      ...textOf("wrangler.toml").matchAll(
        /^\[\[ratelimits\]\]\nname = "(\w+)"\nnamespace_id = "(\d+)"\nsimple = \{ limit = (\d+), period = (\d+) \}$/gm,
      ),
    ];
    const tens = (name: string | undefined) => name !== "IP_LIMIT";
    expect(cellsOf("limits").map(([, binding, limit]) => [binding, limit])).toEqual(
      blocks.map(([, name, , limit]) => [name, tens(name) ? `${limit} tens` : limit]),
    );
    expect(blocks.length).toBe(4);
    for (const [, name, , limit, period] of blocks) {
      expect(Number(limit) * (tens(name) ? 10 : 1)).toBeGreaterThanOrEqual(1000);
      expect(Number(period) * 1000).toBe(PERIOD_MS);
    }
    expect(new Set(blocks.map(([, , id]) => id)).size).toBe(4);
  });
});
