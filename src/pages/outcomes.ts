import type { Shape } from "./parts.tsx";
import type { Outcome } from "./views.ts";

export interface OutcomeText {
  shape: Shape;
  tone: "good" | "bad" | "neutral";
  /** `{name}` is the connector's name. */
  title: string;
  /** What happened, and what to do next. */
  sentences: string[];
}

const AGAIN = "Start again in the app, which makes a new link.";
/** It stands in whole sentences only, so that what was made can be said in its place. */
export const NOTHING = "Nothing was connected.";
/** Of a page that is to stay open. */
export const GOES_ON = "Nothing is lost. Load this page again in a moment, and it goes on.";

/** What each end of an authorization or installation is called, and what a user does next. */
export const OUTCOMES: Record<Outcome, OutcomeText> = {
  success: {
    shape: "check",
    tone: "good",
    title: "{name} is connected",
    sentences: ["The app can go on with what you asked it to do."],
  },
  canceled: {
    shape: "circle",
    tone: "neutral",
    title: "Canceled",
    sentences: [NOTHING, "If you change your mind, start again in the app."],
  },
  expired: {
    shape: "clock",
    tone: "neutral",
    title: "This link has expired",
    sentences: [`${NOTHING} Such links work for a short time only.`, AGAIN],
  },
  already_used: {
    shape: "circle",
    tone: "neutral",
    title: "This link has been used",
    sentences: [
      "It works once. Look in the app whether you are connected.",
      "If you did not use it, somebody else may have: tell the people who run the app.",
    ],
  },
  wrong_browser: {
    shape: "caution",
    tone: "bad",
    title: "Go on in the browser that you started with",
    sentences: [
      `${NOTHING} You came back in another browser, a private window, or with cookies switched off.`,
      `Go back to the first browser. If that is not possible: ${lower(AGAIN)}`,
    ],
  },
  claimed_elsewhere: {
    shape: "caution",
    tone: "bad",
    title: "This request is open in another browser",
    sentences: [
      "If that was you, go on there.",
      "If not, somebody else has your link. Do not share such links, and start again in the app.",
    ],
  },
  wrong_user: {
    shape: "caution",
    tone: "bad",
    title: "You signed in as somebody else",
    sentences: [
      `${NOTHING} This request is for another account than the one you signed in with.`,
      "Sign out there and start again in the app. If somebody sent you the link, do nothing with it.",
    ],
  },
  provider_error: {
    shape: "cross",
    tone: "bad",
    title: "{name} refused",
    sentences: [NOTHING, "Start again in the app. If it happens again, tell the people who run it."],
  },
  connector_changed: {
    shape: "circle",
    tone: "neutral",
    title: "The settings of {name} have changed",
    sentences: [`They changed while you were away, so this request cannot go on. ${NOTHING}`, AGAIN],
  },
  superseded: {
    shape: "circle",
    tone: "neutral",
    title: "A newer request took the place of this one",
    sentences: ["Go on with the newer one, in the app or in its own window."],
  },
  not_found: {
    shape: "cross",
    tone: "bad",
    title: "There is nothing behind this link",
    sentences: ["It may be incomplete, or too old.", `Copy the whole link. If that does not help: ${lower(AGAIN)}`],
  },
  invalid_request: {
    shape: "cross",
    tone: "bad",
    title: "This request cannot be understood",
    sentences: [`Something is missing in it, or there twice. ${NOTHING}`, AGAIN],
  },
  registered: {
    shape: "check",
    tone: "good",
    title: "{name} is registered",
    sentences: ["Go on where you started this."],
  },
  installed: {
    shape: "check",
    tone: "good",
    title: "{name} is installed",
    sentences: ["Go on where you started this."],
  },
  stray: {
    shape: "circle",
    tone: "neutral",
    title: "Back from the service",
    sentences: [
      "What you changed there is noted by itself. There is nothing more to do here.",
      "If you came from a page that asked you to install something, open that page again in this browser, and go on from there.",
    ],
  },
  try_again: {
    shape: "clock",
    tone: "neutral",
    title: "The service cannot be reached right now",
    sentences: [GOES_ON],
  },
  not_stored: {
    shape: "clock",
    tone: "neutral",
    title: "{name} could not be stored yet",
    sentences: ["It is registered, but this deployment could not store it.", GOES_ON],
  },
  installation_not_verified: {
    shape: "caution",
    tone: "bad",
    title: "This installation is not confirmed",
    sentences: [
      `${NOTHING} Either {name} has no such installation, or it is not one that you manage.`,
      "Start again, as somebody who manages it there.",
    ],
  },
  installation_not_approved: {
    shape: "clock",
    tone: "neutral",
    title: "An owner has to agree first",
    sentences: [`You have asked for it. ${NOTHING}`, "When an owner has agreed there, start again."],
  },
  installation_suspended: {
    shape: "circle",
    tone: "neutral",
    title: "This installation is suspended",
    sentences: [NOTHING, "Have it resumed there, and start again."],
  },
  failed: {
    shape: "cross",
    tone: "bad",
    title: "Something went wrong here",
    sentences: [
      "It was not your doing, and we cannot finish this request.",
      "Start again in the app. If it happens again, tell the people who run it.",
    ],
  },
};

function lower(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
