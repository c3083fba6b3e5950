import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { section, withSection } from "../../scripts/doc-tables.ts";
import { root } from "../../scripts/paths.ts";
import {
  type CrowdReport,
  type MatrixReport,
  NETWORKS,
  type Network,
  type PointReport,
  ROTATIONS,
  type Rotation,
  STAGES,
} from "../grants/crashing/names.ts";
import { type CrashWorkers, startCrashWorkers } from "./crash-workers.ts";

/** Of every point, provider and network. */
const SEEDS = 100;
/** Of every provider and network, with an object that dies more than once. */
const SEEDS_AGAIN = 60;
const DOCUMENT = join(root, "docs/reliability.md");
const CELLS = ROTATIONS.flatMap((rotation) => NETWORKS.map((network) => [rotation, network] as const));

let workers: CrashWorkers;
const matrix = new Map<string, MatrixReport>();
const again = new Map<string, string[]>();

beforeAll(async () => {
  workers = await startCrashWorkers();
  const query = (rotation: Rotation, network: Network, seeds: number) =>
    new URLSearchParams({ rotation, network, seeds: String(seeds) });
  // All at once: the workers take what comes next.
  await Promise.all(
    CELLS.flatMap(([rotation, network]) => [
      workers.ask(`/matrix?${query(rotation, network, SEEDS)}`).then((report) => {
        matrix.set(`${rotation} ${network}`, report as MatrixReport);
      }),
      workers.ask(`/again?${query(rotation, network, SEEDS_AGAIN)}`).then((wrongs) => {
        again.set(`${rotation} ${network}`, wrongs as string[]);
      }),
    ]),
  );
}, 1_800_000);

afterAll(() => workers.stop());

describe("an object that dies at any point of a refresh", () => {
  test.for(CELLS)("C-05 loses a grant with its refresh token alone, and says so: %s, %s", ([rotation, network]) => {
    const { points, wrongs } = reportOf(rotation, network);
    expect(wrongs).toEqual([]);
    expect(points.map(({ kept, lost }) => kept + lost)).toEqual(points.map(() => SEEDS));
    // A new await is a new point by itself; a stage without any was not watched.
    expect(new Set(points.map(({ stage }) => stage))).toEqual(new Set(STAGES));
    // Where the old token goes on, or was never taken, there is nothing to lose; a table without losses proves nothing.
    expect(points.some(({ lost }) => lost > 0)).toBe(rotation === "strict" && network !== "never received");
  });

  test.for(CELLS)("C-05 and dies there again when it is tried again: %s, %s", ([rotation, network]) => {
    expect(again.get(`${rotation} ${network}`)).toEqual([]);
  });

  // WRITE_TABLES=1 renews the document instead.
  test.for(ROTATIONS)("docs/reliability.md says how that ended: %s", async (rotation) => {
    const name = `crashes ${rotation}`;
    const document = await readFile(DOCUMENT, "utf8");
    if (process.env.WRITE_TABLES === "1") await writeFile(DOCUMENT, withSection(document, name, tableOf(rotation)));
    else expect(section(document, name)).toBe(tableOf(rotation));
  });
});

describe("a crowd of callers of one expired grant that rotates strictly", () => {
  test.for([200, 1000])(
    "C-04 %i of them make one refresh, see no error, and leave the family alive",
    async (callers) => {
      const report = (await workers.ask(`/crowd?callers=${callers}`)) as CrowdReport;
      expect(report).toEqual({ refreshes: 1, errors: [], tokens: 1, goesOn: true });
    },
  );
});

function reportOf(rotation: Rotation, network: Network): MatrixReport {
  return matrix.get(`${rotation} ${network}`) ?? { points: [], wrongs: ["it was not measured"] };
}

/** One row for each point; of each network, how many runs ended how. */
function tableOf(rotation: Rotation): string {
  const reports = NETWORKS.map((network) => reportOf(rotation, network).points);
  const names = new Set(
    STAGES.flatMap((stage) =>
      reports
        .flat()
        .filter((point) => point.stage === stage)
        .map(nameOf),
    ),
  );
  const rows = [...names].map((name) => {
    const cells = reports.map((points) => cellOf(points.find((point) => nameOf(point) === name)));
    return `| ${[name, ...cells].join(" | ")} |`;
  });
  return [
    `| stage | it dies at | ${NETWORKS.join(" | ")} |`,
    `|---|---|${"---|".repeat(NETWORKS.length)}`,
    ...rows,
  ].join("\n");
}

function nameOf({ stage, place, occurrence }: PointReport): string {
  return `${stage} | ${place}${occurrence === 1 ? "" : ` (${occurrence})`}`;
}

function cellOf(point: PointReport | undefined): string {
  if (point === undefined) return "–";
  const { kept, lost, wrong } = point;
  return `${kept + lost + wrong}: ${kept} / ${lost} / ${wrong}`;
}
