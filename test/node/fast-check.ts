import * as real from "../../node_modules/fast-check/lib/fast-check.js";

// `fast-check` for tests that run in Node, where each is run for thousands of mutants: what a property notices at all, it
// notices soon, and nobody reads the smallest example.

export * from "../../node_modules/fast-check/lib/fast-check.js";

const MAX_RUNS = 200;

export function assert<Ts>(property: real.IRawProperty<Ts>, parameters: real.Parameters<Ts> = {}) {
  const numRuns = Math.min(parameters.numRuns ?? 100, MAX_RUNS);
  return real.assert(property, { ...parameters, numRuns, endOnFailure: true });
}

// biome-ignore lint/style/noDefaultExport: the module that this stands in for has one
export default { ...real, assert };
