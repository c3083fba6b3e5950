import { type CrashPoint, type MatrixReport, type Network, type Rotation, STAGES } from "./names.ts";
import { type CrashObject, crashObject } from "./object.ts";
import { crashRun, TRIGGERS, type Trigger } from "./run.ts";

/** Runs in which nobody dies; a point is one that all of them come to. */
const DRY_RUNS = 3;

/** `seeds` refreshes for every point of one, with one provider and one network, each of which dies there. */
export async function crashMatrix(
  namespace: Parameters<typeof crashObject>[0],
  { rotation, network, seeds }: { rotation: Rotation; network: Network; seeds: number },
): Promise<MatrixReport> {
  const object = await crashObject(namespace, rotation);
  const report: MatrixReport = { points: [], wrongs: [] };
  for (const { point, triggers } of await placesOf(object, rotation, network)) {
    const tally = { ...point, kept: 0, lost: 0, wrong: 0 };
    report.points.push(tally);
    for (let seed = 0; seed < seeds; seed++) {
      const trigger = triggers[seed % triggers.length] ?? "expired";
      const ending = await crashRun(object, { rotation, network, trigger, point, deaths: 1, seed });
      if (ending === "kept") tally.kept++;
      else if (ending === "lost_in_flight") tally.lost++;
      else {
        tally.wrong++;
        report.wrongs.push(`${nameOf(point)}, ${trigger}, seed ${seed}: ${ending.wrong}`);
      }
    }
  }
  return report;
}

/** Runs in which the object dies at the same point more than once, of all points in turn; those that end wrongly. */
export async function crashAgain(
  namespace: Parameters<typeof crashObject>[0],
  { rotation, network, seeds }: { rotation: Rotation; network: Network; seeds: number },
): Promise<string[]> {
  const object = await crashObject(namespace, rotation);
  const places = await placesOf(object, rotation, network);
  const wrongs: string[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    const { point, triggers } = places[seed % places.length] ?? { point: null, triggers: [] };
    const trigger = triggers[seed % triggers.length] ?? "expired";
    const ending = await crashRun(object, { rotation, network, trigger, point, deaths: 2 + (seed % 2), seed });
    if (typeof ending !== "string") wrongs.push(`${point && nameOf(point)}, ${trigger}, seed ${seed}: ${ending.wrong}`);
  }
  return wrongs;
}

interface Place {
  point: CrashPoint;
  triggers: Trigger[];
}

/** Where the object waits on its way through a refresh, and which reasons to refresh lead there; found by going there. */
async function placesOf(object: CrashObject, rotation: Rotation, network: Network): Promise<Place[]> {
  const places = new Map<string, Place>();
  for (const trigger of TRIGGERS) {
    const came = new Map<string, { point: CrashPoint; times: number }>();
    for (let seed = 0; seed < DRY_RUNS; seed++) {
      await crashRun(object, { rotation, network, trigger, point: null, deaths: 0, seed });
      for (const point of object.points) {
        came.set(nameOf(point), { point, times: (came.get(nameOf(point))?.times ?? 0) + 1 });
      }
    }
    for (const [name, { point, times }] of came) {
      if (times < DRY_RUNS) continue;
      const place = places.get(name) ?? { point, triggers: [] };
      place.triggers.push(trigger);
      places.set(name, place);
    }
  }
  return STAGES.flatMap((stage) => [...places.values()].filter(({ point }) => point.stage === stage));
}

function nameOf({ stage, place, occurrence }: CrashPoint): string {
  return `${stage}: ${place} ${occurrence}`;
}
