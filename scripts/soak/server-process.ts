import { bootWorker } from "../bench/boot.ts";
import { applySchema } from "../bench/deployment.ts";

// One life of the deployment: `server.ts` starts it, and kills it with everything that it has started.

// Nothing of it outlives whoever started it.
process.once("disconnect", () => process.kill(-process.pid, "SIGKILL"));

const { modulePath, vars, scratch, port, storage, isFirst } = JSON.parse(process.argv[2] ?? "{}");
const worker = await bootWorker(modulePath, vars, scratch, { port, storage });
if (isFirst) {
  await applySchema(await worker.miniflare.getD1Database("DB"), "schema.sql");
  await applySchema(await worker.miniflare.getD1Database("EVENTS"), "schema.events.sql");
}
process.send?.({ pid: worker.pid });
