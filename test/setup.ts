import { env } from "cloudflare:workers";

// D1 takes `exec` line by line, so the schema goes in as one line; its comments would swallow the rest of it.
await env.DB.exec(env.TEST_SCHEMA.replaceAll(/--.*$/gm, "").replaceAll(/\s+/g, " "));
