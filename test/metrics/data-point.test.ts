import { expect, test } from "vitest";
import { createLogger } from "../../src/log.ts";
import { createMetrics } from "../../src/metrics/analytics-engine.ts";
import { BLOBS, DOUBLES, toDataPoint } from "../../src/metrics/data-point.ts";
import type { MintPoint, RequestPoint } from "../../src/metrics/metrics.ts";

const MINT: MintPoint = {
  kind: "mint",
  connectorId: "scl_1",
  connectorType: "oauth",
  environment: "production",
  subjectType: "app",
  outcome: "upstream_timeout",
  durationMs: 12,
};

test("a point is where queries look for it", () => {
  const request: RequestPoint = {
    kind: "request",
    outcome: "ok",
    connectorId: "scl_1",
    connectorType: "oauth",
    projectId: "prj_1",
    environment: "production",
    subjectType: "app",
    method: "POST",
    route: "/v1/connect/token/:c",
    caller: "workload",
    rung: "grant",
    limit: "bypass",
    durationMs: 7,
    status: 200,
    minted: true,
    leaseLeftMs: 59_000,
    verdict: "event",
    bytes: 512,
  };
  // Positions are for ever: what is stored today is read with tomorrow's queries.
  expect(toDataPoint(request)).toEqual({
    indexes: ["scl_1"],
    blobs: [
      ...["request", "ok", "scl_1", "oauth", "prj_1", "production"],
      ...["app", "POST", "/v1/connect/token/:c", "workload", "grant", "bypass", "event"],
    ],
    doubles: [7, 200, 1, 59_000, 0, 0, 0, 0, 512],
  });
  expect(toDataPoint(MINT)).toEqual({
    indexes: ["scl_1"],
    blobs: ["mint", "upstream_timeout", "scl_1", "oauth", "", "production", "app", "", "", "", "", "", ""],
    doubles: [12, 0, 0, 0, 0, 0, 0, 0, 0],
  });
});

test("a point stays within what Analytics Engine accepts", () => {
  expect(BLOBS.length).toBeLessThanOrEqual(20);
  expect(DOUBLES.length).toBeLessThanOrEqual(20);
  const { indexes } = toDataPoint({ ...MINT, connectorId: "x".repeat(200) });
  expect(indexes).toEqual(["x".repeat(96)]);
});

test("a point without a connector is sampled by its kind", () => {
  const { indexes } = toDataPoint({
    kind: "request",
    outcome: "not_found",
    method: "GET",
    route: "(none)",
    caller: "none",
    durationMs: 0,
    status: 404,
  });
  expect(indexes).toEqual(["request"]);
});

test("a dataset receives each point, and its absence is no failure", () => {
  const written: unknown[] = [];
  const deps = { now: () => 0, log: createLogger(() => {}) };
  createMetrics({ writeDataPoint: (point) => written.push(point) }, deps).record(MINT);
  createMetrics(undefined, deps).record(MINT);
  expect(written).toEqual([toDataPoint(MINT)]);
});

test("a dataset that refuses fails no request, and is reported once a minute", () => {
  const lines: string[] = [];
  const time = { nowMs: 0 };
  const refusing = {
    writeDataPoint() {
      throw new Error("too many points");
    },
  };
  const metrics = createMetrics(refusing, { now: () => time.nowMs, log: createLogger((line) => lines.push(line)) });
  for (let count = 0; count < 30; count++) metrics.record(MINT);
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { level: "error", event: "metrics.unavailable", reason: "too many points" },
  ]);
  time.nowMs = 60_000;
  metrics.record(MINT);
  expect(lines).toHaveLength(2);
});
