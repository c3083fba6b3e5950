import { GOES_ON, NOTHING, OUTCOMES } from "./outcomes.ts";
import { BrandHeader, Code, Foreign, Icon } from "./parts.tsx";
import type { OutcomeView } from "./views.ts";
import { destination } from "./words.ts";

const ABOUT = { access: "Request for access", installation: "Request for an installation", connector: "New connector" };
const MADE = "The connector is made, and no installation of it is confirmed.";
const UNNAMED = "The service";

export function outcomeTitle({ outcome, brand, about }: OutcomeView): string {
  // Where a connector is installed is not called by the connector's name.
  return named(OUTCOMES[outcome].title, outcome === "provider_error" && about !== undefined ? null : brand);
}

function named(text: string, brand: OutcomeView["brand"]): string {
  return text.replace("{name}", () => brand?.name ?? (text.startsWith("{") ? UNNAMED : lowerFirst(UNNAMED)));
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function sentencesOf({ outcome, brand, about, isMade }: OutcomeView): string[] {
  return OUTCOMES[outcome].sentences.map((sentence) => {
    // A second registration would be one too many; and the first was not asked for in an app.
    const made = isMade ? sentence.replace(NOTHING, MADE).replace(/(start) again/i, "$1 an installation") : sentence;
    return named(about === "connector" && !isMade ? made.replace(" in the app", "") : made, brand);
  });
}

/** How it ended, and what to do next. */
export function OutcomePage({ view }: { view: OutcomeView }) {
  const { shape, tone } = OUTCOMES[view.outcome];
  const { providerError, requestId, returnUrl, brand, about = "access" } = view;
  const sentences = sentencesOf(view);
  const back = returnUrl === null ? null : destination(returnUrl);
  return (
    <>
      {brand !== null && <BrandHeader brand={brand} about={ABOUT[about]} />}
      <main>
        <span class={`mark ${tone}`}>
          <Icon shape={shape} />
        </span>
        <h1>
          <Foreign text={outcomeTitle(view)} />
        </h1>
        {sentences.map((sentence) => (
          <p>
            <Foreign text={sentence} />
          </p>
        ))}
        {back === null ? (
          !sentences.includes(GOES_ON) && <p class="muted">You can close this window.</p>
        ) : (
          <div class="actions">
            <a class="button primary" href={back.href}>
              <span>
                Back to <Foreign text={back.host} />
              </span>
            </a>
          </div>
        )}
        {(providerError !== null || requestId !== null) && (
          <dl class="details">
            {providerError !== null && (
              <>
                <dt>Its answer</dt>
                <dd>
                  <Code text={providerError} />
                </dd>
              </>
            )}
            {requestId !== null && (
              <>
                <dt>Reference</dt>
                <dd>
                  <Code text={requestId} />
                </dd>
              </>
            )}
          </dl>
        )}
      </main>
    </>
  );
}
