import { LruMap } from "../../store/lru.ts";
import type { Loading } from "../../store/one-loader.ts";
import type { TriggerConfig } from "./trigger-config.ts";

interface Known {
  config: TriggerConfig;
  readAtMs: number;
  renewAtMs: number;
}

/** One isolate's memory of what connectors receive. Values only, never a promise of another request. */
export interface TriggerMemory {
  known: LruMap<string, Known>;
  /** Ids that nothing is received under, and until when to believe that. */
  absent: LruMap<string, number>;
  /** When a refusal last had an id read, and whether that has succeeded. */
  rereads: LruMap<string, { atMs: number; isDone: boolean }>;
  loading: Loading;
  /** How often something was forgotten: what was being read meanwhile may be older than the change. */
  forgotten: number;
}

/** An empty memory for `maxEntries` connectors; those that were not called for longest are forgotten first. */
export function createTriggerMemory(maxEntries = 2_000): TriggerMemory {
  return {
    known: new LruMap(maxEntries),
    absent: new LruMap(1_000),
    rereads: new LruMap(maxEntries),
    loading: new Map(),
    forgotten: 0,
  };
}

/** What was remembered of an id does not hold any more. Other isolates find out by themselves, within a minute. */
export function forgetTrigger(memory: TriggerMemory, ingressId: string): void {
  memory.forgotten += 1;
  memory.known.delete(ingressId);
  memory.absent.delete(ingressId);
}

/** The same of all those whose settings `areMeant`. */
export function forgetTriggers(memory: TriggerMemory, areMeant: (config: TriggerConfig) => boolean): void {
  memory.forgotten += 1;
  memory.known.deleteWhere(({ config }) => areMeant(config));
}
