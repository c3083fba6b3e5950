import { fail } from "../errors.ts";
import type { Driver } from "./driver.ts";

/** The part of a driver whose users are never sent to a provider. */
export const noAuthorization = {
  redirectsUsers: false,
  authorizationUrl: async () => fail("unresolved_token"),
  exchange: async () => fail("unresolved_token"),
  refresh: async () => fail("unresolved_token"),
} satisfies Pick<Driver, "redirectsUsers" | "authorizationUrl" | "exchange" | "refresh">;
