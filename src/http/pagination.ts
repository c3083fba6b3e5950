import * as z from "zod/mini";
import { base64url, fromBase64url, utf8 } from "../crypto/bytes.ts";
import { ApiError } from "../errors.ts";

/** Where a page begins: after the row with this sort key and, among equals, this id. */
export interface Position<Key extends string | number> {
  key: Key;
  id: string;
}

export const MAX_PAGE_SIZE = 100;

/** Query members of every list: `limit` (1 to 100) and the opaque `cursor` of the previous page. */
export function pageQuery(defaultLimit: number) {
  return {
    limit: z._default(
      z.pipe(
        z.pipe(
          z.string().check(z.regex(/^[1-9]\d{0,2}$/, "must be a whole number from 1 to 100")),
          z.transform(Number),
        ),
        z.number().check(z.lte(MAX_PAGE_SIZE)),
      ),
      defaultLimit,
    ),
    cursor: z.optional(z.string().check(z.maxLength(1024))),
  };
}

/** The cursor of a position. It carries no rights: whoever forges one only skips rows of the same list. */
export function encodeCursor(position: Position<string | number>): string {
  return base64url(utf8(JSON.stringify([position.key, position.id])));
}

/**
 * The position in a cursor, or null without one. Throws `bad_request` when it is not a cursor of a list that sorts by
 * this kind of key.
 */
export function decodeCursor(cursor: string | undefined, kind: "string"): Position<string> | null;
export function decodeCursor(cursor: string | undefined, kind: "number"): Position<number> | null;
export function decodeCursor(cursor: string | undefined, kind: "string" | "number"): Position<string | number> | null {
  if (cursor === undefined) return null;
  const key = kind === "string" ? z.string().check(z.maxLength(512)) : z.number();
  const parsed = z.tuple([key, z.string().check(z.maxLength(512))]).safeParse(parseJson(cursor));
  if (!parsed.success) throw new ApiError("bad_request", { message: "The cursor is not one of this list." });
  const [sortKey, id] = parsed.data;
  return { key: sortKey, id };
}

function parseJson(cursor: string): unknown {
  const bytes = fromBase64url(cursor);
  if (bytes === null) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** Splits rows that were read with `LIMIT limit + 1` into the page and the cursor of the next one (null at the end). */
export function paginate<Row>(
  rows: Row[],
  limit: number,
  positionOf: (row: Row) => Position<string | number>,
): { page: Row[]; pagination: { next: string | null } } {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const next = rows.length > limit && last !== undefined ? encodeCursor(positionOf(last)) : null;
  return { page, pagination: { next } };
}
