import { encodeCursor, type Position } from "../../http/pagination.ts";
import type { Searched } from "./event-list.ts";

/**
 * The page of a search that was asked for `limit + 1` rows. It may be short, or empty, and yet not be the last: then its
 * cursor goes on where the search stopped.
 */
export function searchPage<Row>(
  { rows, stoppedAt }: Searched<Row, Position<string>>,
  limit: number,
  positionOf: (row: Row) => Position<string>,
): { page: Row[]; pagination: { next: string | null } } {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const next = rows.length > limit && last !== undefined ? positionOf(last) : stoppedAt;
  return { page, pagination: { next: next && encodeCursor(next) } };
}
