import * as z from "zod/mini";
import { mintAccessToken } from "../callers/access-token.ts";
import { mac, macEquals } from "../crypto/mac.ts";
import { ApiError } from "../errors.ts";
import { publicEndpoint } from "../http/endpoint.ts";
import type { Services } from "../services.ts";
import { orConflict } from "../store/conflict.ts";
import { sql } from "../store/database.ts";
import { newId } from "../store/ids.ts";
import { insertAccessToken } from "./access-token-store.ts";

export const setup = publicEndpoint({
  body: z.strictObject({ setupToken: z.string().check(z.maxLength(1024)) }),
  async handle({ services, body }) {
    if (!(await isSetupToken(services, body.setupToken))) throw new ApiError("setup_required");
    const now = services.now();
    const teamId = newId("team", services.randomBytes);
    const minted = await mintAccessToken(services.keys, services.randomBytes);
    // One transaction: of two concurrent claims the unique `singleton` column admits one, and the other leaves nothing.
    const claim = services.db.batch([
      sql("INSERT INTO team (id, name, created_at_ms) VALUES (?, ?, ?)", teamId, "default", now),
      insertAccessToken(
        {
          id: minted.id,
          name: "setup",
          role: "owner",
          projectId: null,
          environment: null,
          userId: null,
          createdAtMs: now,
          expiresAtMs: null,
        },
        minted,
      ),
    ]);
    await orConflict(claim, "This deployment is already set up. Use an access token of an owner to create more.");
    return { status: 201, body: { accessToken: minted.token.expose(), teamId } };
  },
});

/** Compares MACs, so that neither content nor length of the right token shows in the time it takes. */
async function isSetupToken({ keys, settings }: Services, presented: string): Promise<boolean> {
  const [given, expected] = await Promise.all([
    mac(keys, "setup", presented),
    mac(keys, "setup", settings.setupToken.expose()),
  ]);
  return given !== null && expected !== null && macEquals(given.mac, expected.mac);
}
