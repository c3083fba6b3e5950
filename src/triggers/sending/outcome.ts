import type { Result } from "../../errors.ts";
import type { OutboundResponse } from "../../outbound/guarded-fetch.ts";
import type { AttemptOutcome } from "../events/event.ts";

/** What became of a request to a destination. The platform reports a connection that failed as 520 to 530. */
export function outcomeOf(answer: Result<Pick<OutboundResponse, "status">>): AttemptOutcome {
  if (answer.ok) {
    const { status } = answer.value;
    if (status < 300) return "delivered";
    if (status < 400) return "redirect_refused";
    return status >= 520 && status <= 530 ? "network" : "rejected";
  }
  switch (answer.failure.code) {
    case "url_not_allowed":
      return "url_not_allowed";
    case "upstream_timeout":
      return "timeout";
    case "invalid_config":
      return "misconfigured";
    default:
      return "network";
  }
}

/** What a destination said, as text that is safe to store and to show; null = nothing. */
export function responseText(body: Uint8Array): string | null {
  const text = new TextDecoder().decode(body).replaceAll(UNPRINTABLE, "");
  return text === "" ? null : text;
}

/** Control and format characters (bidi among them), but for the two that lay text out. */
const UNPRINTABLE = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
