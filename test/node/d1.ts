import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { setImmediate } from "node:timers/promises";

/** As much of D1 as the product and its tests use, over an SQLite of this process. */
export function d1Over(sqlite: DatabaseSync) {
  const db = {
    prepare: (text: string) => new D1Statement(sqlite, text, []),
    withSession: () => db,
    async batch(statements: D1Statement[]) {
      await setImmediate();
      return inTransaction(sqlite, () => statements.map((statement) => statement.execute()));
    },
    async exec(text: string) {
      await setImmediate();
      sqlite.exec(text);
    },
  };
  return db;
}

class D1Statement {
  readonly #sqlite: DatabaseSync;
  readonly #text: string;
  readonly #values: SQLInputValue[];

  constructor(sqlite: DatabaseSync, text: string, values: SQLInputValue[]) {
    this.#sqlite = sqlite;
    this.#text = text;
    this.#values = values;
  }

  bind(...values: SQLInputValue[]): D1Statement {
    return new D1Statement(this.#sqlite, this.#text, values);
  }

  execute() {
    return translated(() => {
      const before = totalChanges(this.#sqlite);
      const results = this.#sqlite.prepare(this.#text).all(...this.#values);
      return { results, success: true, meta: { changes: totalChanges(this.#sqlite) - before } };
    });
  }

  async all() {
    await setImmediate();
    return this.execute();
  }

  async run() {
    return this.all();
  }

  async first(column?: string) {
    const { results } = await this.all();
    const [row] = results;
    if (row === undefined) return null;
    return column === undefined ? row : row[column];
  }
}

function totalChanges(sqlite: DatabaseSync): number {
  return Number(sqlite.prepare("SELECT total_changes() AS changes").get()?.changes);
}

/** All of the work or nothing. */
export function inTransaction<T>(sqlite: DatabaseSync, work: () => T): T {
  if (sqlite.isTransaction) return work();
  sqlite.exec("BEGIN");
  try {
    const result = work();
    sqlite.exec("COMMIT");
    return result;
  } catch (error) {
    if (sqlite.isTransaction) sqlite.exec("ROLLBACK");
    throw error;
  }
}

/** D1 names the extended result code in its message (https://sqlite.org/rescode.html). */
const CONSTRAINTS = new Map([
  [1555, "SQLITE_CONSTRAINT_PRIMARYKEY"],
  [2067, "SQLITE_CONSTRAINT_UNIQUE"],
]);

function translated<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const code = "errcode" in error ? CONSTRAINTS.get(Number(error.errcode)) : undefined;
    throw new Error(`D1_ERROR: ${error.message}: ${code ?? "SQLITE_ERROR"}`, { cause: error });
  }
}
