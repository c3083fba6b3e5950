import { env } from "cloudflare:workers";

// D1 takes `exec` line by line, so a schema goes in as one line; its comments would swallow the rest of it.
for (const [db, schema] of [
  [env.DB, env.TEST_SCHEMA],
  [env.EVENTS, env.TEST_EVENTS_SCHEMA],
] as const) {
  await db.exec(schema.replaceAll(/--.*$/gm, "").replaceAll(/\s+/g, " "));
}
