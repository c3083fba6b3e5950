import type { KeyRing } from "../../src/crypto/key-ring.ts";

/** The key ring that the test worker's objects use instead of the configured one, as after a deploy that changed it. */
export const objectKeys: { ring: KeyRing | null } = { ring: null };
