import type { Position } from "../http/pagination.ts";
import { type Database, type Statement, sql } from "../store/database.ts";
import { CONNECTOR_COLUMNS, type Connector, type ConnectorRow, connectorOfRow } from "./connector-row.ts";

export const CONNECTOR_SORTS = ["name", "createdAt", "updatedAt"] as const;
export type ConnectorSort = (typeof CONNECTOR_SORTS)[number];

/** Null = not filtered. */
export interface ConnectorFilter {
  projectId: string | null;
  /** Part of a name or uid, ASCII case ignored. */
  search: string | null;
  types: string[] | null;
  services: string[] | null;
}

interface Order {
  /** Row-value comparison with the position, so that one index serves start and order alike. */
  after: string;
  by: string;
  start: Position<string | number>;
  position(connector: Connector): Position<string | number>;
}

// Names ascending, times descending; the id decides ties.
const ORDERS: Record<ConnectorSort, Order> = {
  name: {
    after: "(c.name, c.id) > (?1, ?2)",
    by: "c.name, c.id",
    start: { key: "", id: "" },
    position: ({ name, id }) => ({ key: name, id }),
  },
  createdAt: {
    after: "(c.created_at_ms, c.id) < (?1, ?2)",
    by: "c.created_at_ms DESC, c.id DESC",
    start: { key: Number.MAX_SAFE_INTEGER, id: "" },
    position: ({ createdAtMs, id }) => ({ key: createdAtMs, id }),
  },
  updatedAt: {
    after: "(c.updated_at_ms, c.id) < (?1, ?2)",
    by: "c.updated_at_ms DESC, c.id DESC",
    start: { key: Number.MAX_SAFE_INTEGER, id: "" },
    position: ({ updatedAtMs, id }) => ({ key: updatedAtMs, id }),
  },
};

/** Where a page that ends with this connector ends. */
export function connectorPosition(sort: ConnectorSort, connector: Connector): Position<string | number> {
  return ORDERS[sort].position(connector);
}

/** The query of `listConnectors`. */
export function connectorListStatement(
  filter: ConnectorFilter,
  page: { sort: ConnectorSort; after: Position<string | number> | null; limit: number },
): Statement {
  const { sort } = page;
  const { key, id } = page.after ?? ORDERS[sort].start;
  // instr, not LIKE: a search has no wildcards, and D1 refuses LIKE patterns over 50 bytes.
  return sql(
    `SELECT ${CONNECTOR_COLUMNS} FROM connectors AS c
     WHERE c.deleted_at_ms IS NULL AND ${ORDERS[sort].after}
       AND (?3 IS NULL OR c.type IN (SELECT value FROM json_each(?3)))
       AND (?4 IS NULL OR c.service IN (SELECT value FROM json_each(?4)))
       AND (?5 IS NULL OR instr(lower(c.name), lower(?5)) > 0 OR instr(c.uid, lower(?5)) > 0)
       AND (?6 IS NULL OR EXISTS (SELECT 1 FROM links AS l WHERE l.connector_id = c.id AND l.project_id = ?6))
     ORDER BY ${ORDERS[sort].by} LIMIT ?7`,
    key,
    id,
    filter.types === null ? null : JSON.stringify(filter.types),
    filter.services === null ? null : JSON.stringify(filter.services),
    filter.search,
    filter.projectId,
    page.limit,
  );
}

/** At most `limit` live connectors after a position: names ascending, times descending. */
export async function listConnectors(
  db: Database,
  filter: ConnectorFilter,
  page: { sort: ConnectorSort; after: Position<string | number> | null; limit: number },
): Promise<Connector[]> {
  const rows = await db.all<ConnectorRow>(connectorListStatement(filter, page));
  return rows.map(connectorOfRow);
}
