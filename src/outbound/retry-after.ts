const SHORTEST_MS = 1_000;
const YEAR_MS = 366 * 86_400_000;

/**
 * How long an answer's Retry-After asks to stay away (ms), between a second and `longestMs`; null for anything that is
 * neither a whole number of seconds nor an HTTP date (RFC 9110 §10.2.3), or is further away than a year.
 */
export function readRetryAfter(value: string | null, nowMs: number, longestMs: number): number | null {
  const text = value?.trim() ?? "";
  const ms = /^\d{1,8}$/.test(text) ? Number(text) * 1000 : IMF_DATE.test(text) ? Date.parse(text) - nowMs : Number.NaN;
  if (Number.isNaN(ms) || ms > YEAR_MS) return null;
  return Math.min(Math.max(ms, SHORTEST_MS), longestMs);
}

/** The one form that is still sent (RFC 9110 §5.6.7). */
const IMF_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
