import { OUTCOMES } from "./outcomes.ts";
import { BrandHeader, Code, Foreign, Icon } from "./parts.tsx";
import type { OutcomeView } from "./views.ts";
import { destination } from "./words.ts";

const UNNAMED = "The service";

export function outcomeTitle({ outcome, brand }: OutcomeView): string {
  return named(OUTCOMES[outcome].title, brand);
}

function named(text: string, brand: OutcomeView["brand"]): string {
  return text.replace("{name}", () => brand?.name ?? (text.startsWith("{") ? UNNAMED : lowerFirst(UNNAMED)));
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** How it ended, and what to do next. */
export function OutcomePage({ view }: { view: OutcomeView }) {
  const { shape, tone, sentences } = OUTCOMES[view.outcome];
  const { providerError, requestId, returnUrl, brand } = view;
  const back = returnUrl === null ? null : destination(returnUrl);
  return (
    <>
      {brand !== null && <BrandHeader brand={brand} about="Request for access" />}
      <main>
        <span class={`mark ${tone}`}>
          <Icon shape={shape} />
        </span>
        <h1>
          <Foreign text={outcomeTitle(view)} />
        </h1>
        {sentences.map((sentence) => (
          <p>
            <Foreign text={named(sentence, brand)} />
          </p>
        ))}
        {back === null ? (
          <p class="muted">You can close this window.</p>
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
