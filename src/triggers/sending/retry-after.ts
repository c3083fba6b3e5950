const SHORTEST_MS = 1_000;
const LONGEST_MS = 24 * 3_600_000;

/**
 * How long an answer's Retry-After asks to stay away (ms), between a second and a day; null for anything that is
 * neither a whole number of seconds nor an HTTP date (RFC 9110 §10.2.3), or is further away than a year.
 */
export function retryAfterMs(value: string | null, nowMs: number): number | null {
  const text = value?.trim() ?? "";
  const ms = /^\d{1,8}$/.test(text) ? Number(text) * 1000 : IMF_DATE.test(text) ? Date.parse(text) - nowMs : Number.NaN;
  if (Number.isNaN(ms) || ms > 366 * LONGEST_MS) return null;
  return Math.min(Math.max(ms, SHORTEST_MS), LONGEST_MS);
}

/** The one form that is still sent (RFC 9110 §5.6.7). */
const IMF_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
