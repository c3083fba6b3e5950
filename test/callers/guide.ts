import { section } from "../../scripts/doc-tables.ts";
import type { IssuerPresetName } from "../../src/callers/presets.ts";

const texts = import.meta.glob(["../../docs/callers.md"], { query: "?raw", import: "default", eager: true });

/** docs/callers.md, and no other text beside it: this is read for every change of a preset. */
export const guide = Object.values(texts)[0] ?? "";

/** What it tells an operator to send. */
export function documented(name: IssuerPresetName) {
  const shown = section(guide, `example ${name}`) ?? "";
  const [registration, rule] = [...shown.matchAll(/```json\n([^`]+)```/g)].map(([, json = ""]) => JSON.parse(json));
  return { registration, rule };
}
