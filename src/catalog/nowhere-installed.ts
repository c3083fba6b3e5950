import type { Driver } from "./driver.ts";

/** The part of a driver whose connectors are one client at one provider, and made by their operator. */
export const nowhereInstalled = {
  withinDetails: null,
  installations: null,
  registration: null,
  assertion: null,
} satisfies Partial<Driver>;
