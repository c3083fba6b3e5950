import { fail, ok, type Result } from "../errors.ts";
import { isRandomText } from "./flow-secrets.ts";

/** What the page's form says. */
export interface DecisionForm {
  decision: "continue" | "cancel";
  /** Of the page that it was on. */
  token: string;
  /** What the user pasted; outer spaces come with copying. */
  key: string;
  /** What the user says where it is installed. */
  installed: string;
}

/** The form's fields, each once. `bad_request`; `csrf` without the token that every page of ours has. */
export function decisionForm(body: unknown): Result<DecisionForm> {
  const text = body instanceof Uint8Array ? new TextDecoder().decode(body) : "";
  const fields = new URLSearchParams(text);
  const names = [...fields.keys()];
  if (new Set(names).size < names.length) return fail("bad_request", { reason: "repeated form field" });
  const token = fields.get("form") ?? "";
  if (!isRandomText(token)) return fail("csrf", { reason: "form token" });
  const decision = fields.get("decision");
  if (decision !== "continue" && decision !== "cancel") return fail("bad_request", { reason: "decision" });
  const pasted = (name: string) => (fields.get(name) ?? "").trim();
  return ok({ decision, token, key: pasted("key"), installed: pasted("installed") });
}
