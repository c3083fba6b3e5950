import { fail } from "../errors.ts";
import type { AssertionSource, Driver } from "./driver.ts";

/** The part of a driver whose connectors are one client at one provider, and made by their operator. */
export const nowhereInstalled = {
  withinDetails: null,
  installations: null,
  registration: null,
  assertion: null,
} satisfies Partial<Driver>;

/** For drivers that sign no assertions. */
export const noAssertion: AssertionSource = async () =>
  fail("unresolved_token", { reason: "the driver signs nothing" });
