import * as z from "zod/mini";
import { ApiError } from "../errors.ts";
import { managementEndpoint } from "../http/endpoint.ts";
import type { Services } from "../services.ts";
import { type RingStatus, ringStatus } from "./key-status.ts";
import { countAllReferences } from "./references.ts";
import { findRun, startRun } from "./reseal-run.ts";
import { findUnderWay } from "./under-way.ts";

export const getKeys = managementEndpoint("owner", {
  async handle({ services }) {
    return { status: 200, body: await currentStatus(services) };
  },
});

export const resealKeys = managementEndpoint("owner", {
  bodyOptional: true,
  body: z.strictObject({
    // While a deploy spreads, some of us still have the ring of before.
    primary: z.optional(z.string().check(z.maxLength(16))),
  }),
  async handle({ services, body }) {
    const { db, keys, now, nudgeHousekeeper } = services;
    if (body.primary !== undefined && body.primary !== keys.primaryKid) {
      throw new ApiError("conflict", {
        message: `The primary key is '${keys.primaryKid}' here. Wait until the deploy has spread, and try again.`,
      });
    }
    await db.batch(startRun(keys.primaryKid, now()));
    await nudgeHousekeeper();
    return { status: 200, body: await currentStatus(services) };
  },
});

async function currentStatus(services: Services): Promise<RingStatus> {
  const run = await findRun(services.db);
  // First what is under way, then what has arrived: a message that arrives meanwhile is seen twice, and not never.
  const underWay = await findUnderWay(services, run);
  return ringStatus(services.keys, await countAllReferences(services), run, underWay);
}
