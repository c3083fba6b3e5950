import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startAuthorizationServer } from "../demo/authorization-server.ts";
import { root } from "../paths.ts";
import { bundleWorkers } from "./bundles.ts";
import { measureClient } from "./client.ts";
import { measureCrowds } from "./crowd.ts";
import { measureFlood } from "./flood.ts";
import { measureInstallations } from "./installations.ts";
import { installationsMarkdown, installationsText } from "./installations-report.ts";
import { type LanesBench, type LanesReport, measureLanes } from "./lanes.ts";
import { isolationMarkdown, lanesText, throughputMarkdown } from "./lanes-report.ts";
import { type LoadProcess, startLoadProcess } from "./load-process.ts";
import { machineFacts } from "./machine.ts";
import { compare, type Effort } from "./measure.ts";
import { refreshMarkdown, refreshText } from "./refresh-report.ts";
import { asMarkdown, asText, machineLine, type Report, type RowReport, updateDocument } from "./report.ts";
import { type Bench, ROWS, type Row } from "./rows.ts";
import { measureSizes } from "./sizes.ts";
import { createWorkloadIssuer } from "./workload-issuer.ts";

// `npm run bench`: what the token path costs, beside what the platform allows. Everything stays on this machine and
// ends by itself. The table goes to standard output and dist/bench.json; with --write also into docs/performance.md.

const { values: options } = parseArgs({
  options: {
    /** Ids of rows, comma-separated. */
    only: { type: "string" },
    rounds: { type: "string", default: "25" },
    /** Of each round and side. */
    requests: { type: "string", default: "1000" },
    /** Of each crowd. */
    crowds: { type: "string", default: "10" },
    /** That are due at once. */
    grants: { type: "string", default: "10000" },
    /** Rounds of lanes, of so many seconds. */
    steady: { type: "string", default: "3x20" },
    /** Through every stage. */
    events: { type: "string", default: "5000" },
    /** Of one connector, and the narrowed tokens that are present of each. */
    installations: { type: "string", default: "5000" },
    narrowings: { type: "string", default: "50" },
    write: { type: "boolean", default: false },
    /** End with exit code 1 when a target is missed. */
    strict: { type: "boolean", default: false },
  },
});

async function main(): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "valetkey-bench-"));
  const provider = await startAuthorizationServer();
  const load = startLoadProcess();
  try {
    const machine = machineFacts();
    print(`${machine.cpu}, ${machine.cores} cores; load ${machine.loadAverage.toFixed(1)} before the first row\n`);
    const bundles = await bundleWorkers(scratch);
    const issuer = createWorkloadIssuer();
    const rows = await measureRows(load, { bundles, scratch, provider, issuer });
    const crowds = await measureCrowds({ bundles, scratch, issuer, load, rounds: Number(options.crowds), isWanted });
    const flooding = { bundles, scratch, issuer, provider, grants: Number(options.grants) };
    const refreshes = { crowds, flood: isWanted("flood") ? await measureFlood(flooding) : null };
    const report: Report = {
      machine,
      command: ["npm run bench --", ...process.argv.slice(2)].join(" "),
      effort: effortOf(),
      rows,
      refreshes,
      lanes: isWanted("lanes") ? await measureLanes(sending({ bundles, scratch, issuer, provider })) : null,
      installations: isWanted("installations")
        ? await measureInstallations({ bundles, scratch, issuer, provider, load, ...howManyInstalled() })
        : null,
      sizes: await measureSizes(bundles.product, scratch),
      client: await measureClient(),
    };
    print(asText(report));
    print(refreshText(refreshes));
    if (report.lanes !== null) print(lanesText(report.lanes));
    if (report.installations !== null) print(installationsText(report.installations));
    await mkdir(join(root, "dist"), { recursive: true });
    await writeFile(join(root, "dist/bench.json"), `${JSON.stringify(report, null, 2)}\n`);
    if (options.write) await write(report);
    const measured: { passed: boolean }[] = [
      ...rows,
      ...crowds,
      ...(refreshes.flood === null ? [] : [refreshes.flood]),
    ];
    if (report.lanes !== null) measured.push(report.lanes.isolation);
    if (report.installations !== null) measured.push(report.installations);
    if (options.strict && measured.some(({ passed }) => !passed)) process.exitCode = 1;
  } finally {
    load.stop();
    await provider.stop();
    await rm(scratch, { recursive: true });
  }
}

function isWanted(id: string): boolean {
  return options.only === undefined || options.only.split(",").includes(id);
}

/** Only what was measured is renewed. */
async function write(report: Report): Promise<void> {
  const path = join(root, "docs/performance.md");
  if (report.rows.length > 0) await updateDocument(path, "bench", asMarkdown(report));
  const { crowds, flood } = report.refreshes;
  const about = machineLine(report);
  if (crowds.length > 0) await updateDocument(path, "crowd", `${about}\n\n${refreshMarkdown({ crowds, flood: null })}`);
  if (flood !== null) await updateDocument(path, "flood", `${about}\n\n${refreshMarkdown({ crowds: [], flood })}`);
  if (report.lanes !== null) await writeLanes(report.lanes, about);
  const { installations } = report;
  if (installations === null) return;
  await updateDocument(path, "installations", `${about}\n\n${installationsMarkdown(installations)}`);
}

async function writeLanes(lanes: LanesReport, about: string): Promise<void> {
  const [performance, reliability] = ["docs/performance.md", "docs/reliability.md"].map((path) => join(root, path));
  await updateDocument(performance ?? "", "events", `${about}\n\n${throughputMarkdown(lanes)}`);
  await updateDocument(reliability ?? "", "isolation", `${about}\n\n${isolationMarkdown(lanes)}`);
}

function sending(bench: Pick<LanesBench, "bundles" | "scratch" | "issuer" | "provider">): LanesBench {
  const [rounds, seconds] = options.steady.split("x").map(Number);
  return { ...bench, rounds: rounds ?? 3, seconds: seconds ?? 20, events: Number(options.events) };
}

function howManyInstalled() {
  const [installations, narrowings] = [Number(options.installations), Number(options.narrowings)];
  return { installations, narrowings, effort: effortOf(), crowds: Number(options.crowds) };
}

async function measureRows(load: LoadProcess, bench: Bench): Promise<RowReport[]> {
  const reports: RowReport[] = [];
  for (const row of ROWS) {
    if (!isWanted(row.id)) continue;
    print(`  ${row.name} …\n`);
    reports.push(await measureRow(load, bench, row));
  }
  return reports;
}

async function measureRow(load: LoadProcess, bench: Bench, row: Row): Promise<RowReport> {
  const effort = effortOf();
  const { ceiling, product } = await row.prepare(bench, effort);
  try {
    const comparison = await compare(load, ceiling, product, effort);
    const answered = Object.values(comparison.rungs).reduce((sum, count) => sum + count, 0);
    const share = (comparison.rungs[row.rung] ?? 0) / answered;
    // Leases end and are renewed while the row runs; more than that, and it is another row.
    if (share < 0.9) throw new Error(`Only ${Math.round(share * 100)} % of '${row.name}' came from ${row.rung}.`);
    const { id, name, ceilingName, target } = row;
    return { id, name, ceilingName, target, passed: comparison.ratio >= target, ...comparison };
  } finally {
    await ceiling.worker.stop();
    await product.worker.stop();
  }
}

function effortOf(): Effort {
  const requests = Number(options.requests);
  // Short rounds, many of them: both sides then see the same machine. The warm-up is for the compiler.
  return { rounds: Number(options.rounds), requests, warmUp: requests * 5, connections: 50 };
}

function print(text: string): void {
  process.stdout.write(text);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
