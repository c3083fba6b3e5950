import { ApiError } from "../errors.ts";

export type SqlValue = string | number | null;

export interface Statement {
  sql: string;
  values: SqlValue[];
}

/** A statement with its bound values. SQL is a literal of this code base; whatever comes from outside is bound. */
export function sql(text: string, ...values: SqlValue[]): Statement {
  return { sql: text, values };
}

/**
 * The control-plane database. All reads go to the primary: what is decided from it (links, revocations,
 * credentials) must not be decided from a lagging replica.
 */
export interface Database {
  first<Row>(statement: Statement): Promise<Row | null>;
  all<Row>(statement: Statement): Promise<Row[]>;
  /** Rows changed. */
  run(statement: Statement): Promise<number>;
  /** One transaction, one round trip: all or nothing. Results in the order of the statements. */
  batch<Rows extends unknown[] = unknown[]>(statements: Statement[]): Promise<BatchResults<Rows>>;
}

export type BatchResults<Rows extends unknown[]> = { [Index in keyof Rows]: { rows: Rows[Index][]; changes: number } };

/** A write broke a UNIQUE or PRIMARY KEY constraint. */
export class UniqueViolation extends Error {
  override readonly name = "UniqueViolation";
}

/**
 * D1 behind that port. A constraint violation surfaces as `UniqueViolation`, anything else that the database
 * says as `storage_unavailable`: callers never see its text.
 */
export function d1Database(d1: D1Database): Database {
  const session = () => d1.withSession("first-primary");
  const prepare = (target: D1DatabaseSession, { sql: text, values }: Statement) => target.prepare(text).bind(...values);
  return {
    async first<Row>(statement: Statement) {
      return translated(async () => (await prepare(session(), statement).first<Row>()) ?? null);
    },
    async all<Row>(statement: Statement) {
      return translated(async () => (await prepare(session(), statement).all<Row>()).results);
    },
    async run(statement: Statement) {
      return translated(async () => (await prepare(session(), statement).run()).meta.changes);
    },
    async batch<Rows extends unknown[]>(statements: Statement[]) {
      return translated(async () => {
        const target = session();
        const results = await target.batch(statements.map((statement) => prepare(target, statement)));
        return results.map(({ results: rows, meta }) => ({ rows, changes: meta.changes })) as BatchResults<Rows>;
      });
    },
  };
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    // D1 errors are plain text; the extended result code in it is the stable part (SQLite result codes 1555, 2067).
    if (/SQLITE_CONSTRAINT_(UNIQUE|PRIMARYKEY)/.test(text)) throw new UniqueViolation(text);
    throw new ApiError("storage_unavailable", { reason: `d1: ${text.slice(0, 200)}`, retryAfterMs: 1000 });
  }
}
