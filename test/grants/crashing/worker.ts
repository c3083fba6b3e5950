import { GrantObject } from "../../../src/grants/grant.ts";
import type { AuthorizationState } from "../../../src/grants/protocol.ts";
import { crowd } from "./crowd.ts";
import { crashAgain, crashMatrix } from "./matrix.ts";
import { withCrashPoints } from "./points.ts";
import { isNetwork, isRotation } from "./provider.ts";

// A Worker of its own, because the test runner's way to an object would take most of the time.

/** The deployed class, which can die at every point where it waits. */
export class Grant extends GrantObject {
  readonly #storage: DurableObjectStorage;

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env, withCrashPoints(ctx));
    this.#storage = ctx.storage;
  }

  /** The alarm, if it is due by then. */
  async ring(nowMs: number): Promise<void> {
    const dueMs = await this.#storage.getAlarm();
    if (dueMs === null || dueMs > nowMs) return;
    await this.#storage.deleteAlarm();
    await this.alarm();
  }

  async onDisk() {
    type Row = { state: AuthorizationState; fingerprint: string };
    return this.#storage.sql.exec<Row>("SELECT state, fingerprint FROM authorization").one();
  }
}

interface CrashBindings {
  DB: D1Database;
  GRANTS: DurableObjectNamespace<Grant>;
  TEST_SCHEMA: string;
}

let isReady = false;

export default {
  /** `/matrix` and `/again` with `?rotation=&network=&seeds=`, or `/crowd?callers=`; what came of it, as JSON. */
  async fetch(request, { DB, GRANTS, TEST_SCHEMA }) {
    const { pathname, searchParams } = new URL(request.url);
    // D1 takes `exec` line by line, so the schema goes in as one line; its comments would swallow the rest of it.
    if (!isReady) await DB.exec(TEST_SCHEMA.replaceAll(/--.*$/gm, "").replaceAll(/\s+/g, " "));
    isReady = true;
    if (pathname === "/crowd") return Response.json(await crowd(GRANTS, Number(searchParams.get("callers"))));
    const [rotation, network] = [searchParams.get("rotation"), searchParams.get("network")];
    if (!isRotation(rotation) || !isNetwork(network)) return new Response(null, { status: 400 });
    const what = { rotation, network, seeds: Number(searchParams.get("seeds")) };
    return Response.json(await (pathname === "/again" ? crashAgain : crashMatrix)(GRANTS, what));
  },
} satisfies ExportedHandler<CrashBindings>;
