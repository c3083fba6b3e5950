/** Longest a request waits for another one's load, whatever became of it. */
const PATIENCE_MS = 3_000;
const FIRST_POLL_MS = 4;
const LONGEST_POLL_MS = 64;

/** Keys that some request of this isolate is loading right now, each with the mark of its loader. */
export type Loading = Map<string, symbol>;

/**
 * Load something once for all requests of an isolate that miss it at the same moment. A pending promise must not
 * cross requests in a Worker, so the others do not await the loader: they watch the memory it is about to fill.
 * Whoever finds nothing there once the loader is done loads for itself: failures and absences are never shared.
 */
export async function withOneLoader<T>(
  loading: Loading,
  key: string,
  recall: () => T | null,
  load: () => Promise<T>,
): Promise<T> {
  let pollMs = FIRST_POLL_MS;
  for (let waitedMs = 0; loading.has(key) && waitedMs < PATIENCE_MS; waitedMs += pollMs) {
    await scheduler.wait(pollMs);
    pollMs = Math.min(pollMs * 2, LONGEST_POLL_MS);
    const known = recall();
    if (known !== null) return known;
  }
  // Who waited in vain takes over: the platform cancels a request whose client hung up, and its `finally` never runs.
  const mark = Symbol(key);
  loading.set(key, mark);
  try {
    return await load();
  } finally {
    if (loading.get(key) === mark) loading.delete(key);
  }
}
