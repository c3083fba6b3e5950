import type { ConsentView } from "../pages/views.ts";
import type { Authority } from "./authority.ts";
import { brandOf } from "./page-answer.ts";
import { pagePath } from "./page-url.ts";
import type { AuthorizationRequest } from "./request-row.ts";

const MAX_KEY_LENGTH = 4096;

/** Who asks for what, of whom, and where the user goes from here. */
export function consentView(
  request: AuthorizationRequest,
  { connector, link, driver, users }: Authority,
  page: { formToken: string; nowMs: number; problem: string | null },
): ConsentView {
  const { asked, environment } = request;
  const custom = link.projectEnvironments.find(({ id }) => id === environment);
  const issuer = users.kind === "redirect" && users.issuer !== null ? URL.parse(users.issuer) : null;
  return {
    kind: "consent",
    brand: brandOf(connector),
    providerHost: users.kind === "redirect" ? (issuer?.host ?? driver.service(connector.config)) : null,
    projectName: link.projectName,
    environment: custom?.slug ?? environment,
    subjectId: asked.identity.subject.id,
    subjectIssuer: asked.identity.subject.issuer,
    scopes: asked.group.scopes,
    resources: asked.group.resources,
    authorizationDetailTypes: asked.group.authorizationDetails.map(({ type }) => type),
    ageMs: page.nowMs - request.createdAtMs,
    binding: request.binding,
    returnHost: asked.returnUrl === null ? null : new URL(asked.returnUrl).host,
    action: pagePath(request.id),
    formToken: page.formToken,
    key: users.kind === "pasted-key" ? { instructions: users.instructions, problem: page.problem } : null,
  };
}

/** What is wrong with a pasted key, for whoever pasted it; null = nothing that we could see. */
export function keyProblem(key: string): string | null {
  if (key === "") return "Paste the key first.";
  if (key.length > MAX_KEY_LENGTH) return `That is too long for a key: more than ${MAX_KEY_LENGTH} characters.`;
  // It will be sent as a header's value.
  return /^[\x21-\x7e]+$/.test(key) ? null : "A key has no spaces, line breaks or accented letters. Copy it once more.";
}
