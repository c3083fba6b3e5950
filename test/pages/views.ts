import type { Brand, ConsentView, ContinueView, InstallView, Outcome, OutcomeView } from "../../src/pages/views.ts";

// Views to start from. Nothing in them belongs to the Worker, so that tests in a browser can use them as well.

export const BRAND: Brand = { name: "Tracker", iconPath: null, backgroundColor: "#1f2a44", accentColor: "#3b5bdb" };

export function consentView(change: Partial<ConsentView> = {}): ConsentView {
  return {
    kind: "consent",
    brand: BRAND,
    providerHost: "tracker.example",
    projectName: "Acme Support",
    environment: "production",
    subjectId: "user_8412",
    subjectIssuer: null,
    scopes: ["openid", "issues:read", "issues:write"],
    resources: [],
    authorizationDetailTypes: [],
    ageMs: 140_000,
    binding: "finalize",
    returnHost: "support.acme.example",
    action: "/authorize/areq_0123456789",
    formToken: "token-of-the-form",
    key: null,
    ...change,
  };
}

export function installView(change: Partial<InstallView> = {}): InstallView {
  return {
    kind: "install",
    brand: BRAND,
    providerHost: "tracker.example",
    asker: { projectName: "Acme Support", environments: ["production"] },
    registers: false,
    installs: true,
    proves: true,
    receives: false,
    isAgain: false,
    mistyped: null,
    ageMs: 140_000,
    returnHost: "support.acme.example",
    action: "/install/sci_0123456789",
    formToken: "token-of-the-form",
    ...change,
  };
}

export function registerView(change: Partial<InstallView> = {}): InstallView {
  return installView({ asker: null, registers: true, receives: true, returnHost: null, ...change });
}

/** On to the provider by a form. */
export function handoverView(url: string, fields: Record<string, string> = { manifest: '{"name":"x"}' }): ContinueView {
  return { ...continueView(url, "register"), fields };
}

export function keyView(instructions: string | null, problem: string | null = null): ConsentView {
  return consentView({ providerHost: null, scopes: [], returnHost: null, key: { instructions, problem } });
}

export function continueView(url: string, purpose: ContinueView["purpose"] = "provider"): ContinueView {
  return { kind: "continue", brand: BRAND, url, purpose };
}

export function outcomeView(outcome: Outcome, change: Partial<OutcomeView> = {}): OutcomeView {
  return { kind: "outcome", outcome, brand: BRAND, providerError: null, requestId: null, returnUrl: null, ...change };
}
