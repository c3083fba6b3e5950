// What the pages of authorizations and installations show, as plain data: who decides what is shown is not who draws it.

/** How a connector presents itself to people. Colours are `#rrggbb`. */
export interface Brand {
  name: string;
  /** Path on this origin; null = none was uploaded. */
  iconPath: string | null;
  backgroundColor: string | null;
  accentColor: string | null;
}

/** Who asks for what. */
export interface ConsentView {
  kind: "consent";
  brand: Brand;
  /** Where the user is sent to agree; null = nowhere, because the user pastes a key here. */
  providerHost: string | null;
  projectName: string;
  /** `production`, `preview`, `development`, or the slug of a custom one. */
  environment: string;
  /** The app's own name for the user. */
  subjectId: string;
  /** Whose name that is; null = the app's. */
  subjectIssuer: string | null;
  scopes: string[];
  resources: string[];
  /** `type` of each (RFC 9396). */
  authorizationDetailTypes: string[];
  /** How long ago it was asked for (ms). */
  ageMs: number;
  /** Whether the app confirms in the end that it was its own user (`finalize`), the user signs in first (`login`), or only this page stands between (`confirm`). */
  binding: "confirm" | "finalize" | "login";
  /** Host to which the user returns; null = this page says that it is done. */
  returnHost: string | null;
  /** Where the form goes: a path on this origin. Its fields: `decision` = `continue` or `cancel`, `form`, and `key`. */
  action: string;
  /** Value of the hidden field `form`: proves that the form is of a page of ours, and tells browsers apart. */
  formToken: string;
  /** Set where the user pastes a key: the operator's instructions (Markdown), and what was wrong with the last try. */
  key: { instructions: string | null; problem: string | null } | null;
}

/** Who asks for an installation, or what is to be registered. */
export interface InstallView {
  kind: "install";
  brand: Brand;
  /** Where the browser is sent. */
  providerHost: string;
  /** Whose app asks, or to whom the new connector is linked; null = nobody. */
  asker: { projectName: string; environments: string[] } | null;
  /** The connector is made at the provider first. */
  registers: boolean;
  /** It is installed there, which may come after that. */
  installs: boolean;
  /** The provider asks who installed it. */
  proves: boolean;
  /** The new connector receives events. */
  receives: boolean;
  /** This browser was at the provider before. */
  isAgain: boolean;
  /** What was pasted where that is asked, and is no address and no id; null = nothing was. */
  mistyped: string | null;
  ageMs: number;
  returnHost: string | null;
  /** Of the form; its fields: `decision`, `form`, and where `isAgain`, `installed`. */
  action: string;
  formToken: string;
}

/** After the user agreed: on to the provider, to sign in, or back to the app. */
export interface ContinueView {
  kind: "continue";
  brand: Brand;
  /** Where to; https, or http on loopback. Shown as a host. */
  url: string;
  purpose: "provider" | "login" | "return" | "register" | "install";
  /** What a form posts there; null = a link goes there. */
  fields?: Record<string, string> | null;
}

/** How an authorization or installation ended, or why it cannot go on. */
export type Outcome =
  | "success"
  | "canceled"
  | "expired"
  | "already_used"
  | "wrong_browser"
  | "claimed_elsewhere"
  | "wrong_user"
  | "provider_error"
  | "connector_changed"
  | "superseded"
  | "not_found"
  | "invalid_request"
  | "registered"
  | "installed"
  | "stray"
  | "try_again"
  | "not_stored"
  | "installation_not_verified"
  | "installation_not_approved"
  | "installation_suspended"
  | "failed";

export interface OutcomeView {
  kind: "outcome";
  outcome: Outcome;
  /** Null where it must not be told, or is not known. */
  brand: Brand | null;
  /** What it was about, if not an authorization. */
  about?: "installation" | "connector";
  /** The connector was registered on the way, and stays. */
  isMade?: boolean;
  /** The provider's error code (RFC 6749 §4.1.2.1), never its prose. */
  providerError: string | null;
  /** To quote to the operator. */
  requestId: string | null;
  /** Where the user goes on; null = the window can be closed. */
  returnUrl: string | null;
}

export type PageView = ConsentView | InstallView | ContinueView | OutcomeView;
