import * as z from "zod/mini";
import { unwrap } from "../../errors.ts";
import { managementEndpoint } from "../../http/endpoint.ts";
import { decodeCursor, pageQuery, paginate } from "../../http/pagination.ts";
import { sql } from "../../store/database.ts";
import { DEAD_LETTER_COLUMNS, type DeadLetter, resendDeadLetter } from "../events/dead-letters.ts";
import { eventDeps } from "./event-deps.ts";

export const getDeadLetters = managementEndpoint("viewer", {
  query: z.object(pageQuery(50)),
  async handle({ services, query }) {
    const after = decodeCursor(query.cursor, "string");
    const rows = await services.events.all<DeadLetter>(
      sql(
        `SELECT ${DEAD_LETTER_COLUMNS} FROM dead_letters AS l WHERE l.id > ? ORDER BY l.id LIMIT ?`,
        after?.id ?? "",
        query.limit + 1,
      ),
    );
    const { page, pagination } = paginate(rows, query.limit, ({ id }) => ({ key: id, id }));
    const deadLetters = page.map(({ createdAtMs, ...letter }) => ({ ...letter, createdAt: createdAtMs }));
    return { status: 200, body: { deadLetters, pagination } };
  },
});

export const postDeadLetterReplay = managementEndpoint("admin", {
  async handle({ services, params }) {
    const { eventId } = unwrap(await resendDeadLetter(params.id ?? "", eventDeps(services)));
    return { status: 200, body: { eventId } };
  },
});
