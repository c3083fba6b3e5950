import type { Point } from "../../src/metrics/metrics.ts";

/** What the test worker's objects counted. */
export const objectPoints: Point[] = [];
