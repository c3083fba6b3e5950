import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { toDataPoint } from "./data-point.ts";
import type { Metrics } from "./metrics.ts";

const FAILURE_LOG_INTERVAL_MS = 60_000;

/** Counters in a dataset of Analytics Engine; without one they are off. A point that is refused is lost, and said so. */
export function createMetrics(
  dataset: Pick<AnalyticsEngineDataset, "writeDataPoint"> | undefined,
  { now, log }: { now: () => number; log: Logger },
): Metrics {
  let quietUntilMs = 0;
  return {
    record(point) {
      if (dataset === undefined) return;
      try {
        dataset.writeDataPoint(toDataPoint(point));
      } catch (error) {
        if (now() < quietUntilMs) return;
        quietUntilMs = now() + FAILURE_LOG_INTERVAL_MS;
        log.error("metrics.unavailable", { reason: messageOf(error) });
      }
    },
  };
}
