import { Instructions } from "./instructions.tsx";
import { BrandHeader, Code, Codes, Foreign, Icon } from "./parts.tsx";
import { scopeWords } from "./scope-words.ts";
import type { ConsentView } from "./views.ts";
import { ago, environmentTitle } from "./words.ts";

export function consentTitle({ brand, projectName, key }: ConsentView): string {
  const title = `Connect ${brand.name} to ${projectName}`;
  return key?.problem == null ? title : `Problem: ${title}`;
}

/** Who asks for what, and the two ways on. */
export function ConsentPage({ view }: { view: ConsentView }) {
  return (
    <>
      <BrandHeader brand={view.brand} about="Request for access" />
      <main>
        <h1>
          <Foreign text={view.projectName} /> asks to {view.key === null ? "use your" : "work with your"}{" "}
          <Foreign text={view.brand.name} /> account
        </h1>
        <Facts view={view} />
        <Access view={view} />
        <form method="post" action={view.action}>
          <input type="hidden" name="form" value={view.formToken} />
          {view.key !== null && (
            <KeyField view={view} problem={view.key.problem} instructions={view.key.instructions} />
          )}
          <Caution view={view} />
          <div class="actions">
            <button class="button primary armed" type="submit" name="decision" value="continue">
              Continue
            </button>
            <button class="button armed" type="submit" name="decision" value="cancel" formnovalidate>
              Cancel
            </button>
          </div>
        </form>
      </main>
    </>
  );
}

function Facts({ view }: { view: ConsentView }) {
  return (
    <section aria-label="The request">
      <dl>
        <dt>Project</dt>
        <dd>
          <Foreign text={view.projectName} />{" "}
          <span class="badge">
            <Foreign text={environmentTitle(view.environment)} />
          </span>
        </dd>
        <dt>You are</dt>
        <dd>
          <Foreign text={view.subjectId} />
          {view.subjectIssuer !== null && (
            <>
              {" "}
              at <Foreign text={view.subjectIssuer} />
            </>
          )}
        </dd>
        <dt>Asked</dt>
        <dd>{ago(view.ageMs)}</dd>
        {view.providerHost !== null && (
          <>
            <dt>Next</dt>
            <dd>
              You agree at <Foreign text={view.providerHost} />
            </dd>
          </>
        )}
        <dt>Then</dt>
        <dd>
          {view.returnHost === null ? (
            "This page says that it is done"
          ) : (
            <>
              Back to <Foreign text={view.returnHost} />
            </>
          )}
        </dd>
      </dl>
    </section>
  );
}

function Access({ view }: { view: ConsentView }) {
  const known = view.scopes.flatMap((scope) => {
    const words = scopeWords(scope, view.providerHost);
    return words === null ? [] : [{ scope, words }];
  });
  const unknown = view.scopes.filter((scope) => scopeWords(scope, view.providerHost) === null);
  return (
    <section aria-labelledby="access">
      <h2 id="access">What it asks for</h2>
      {view.scopes.length === 0 && <p>Nothing in particular.</p>}
      {known.length > 0 && (
        <ul class="scopes">
          {known.map(({ scope, words }) => (
            <li>
              <Icon shape="check" />
              <span>
                {words}
                <span class="muted">
                  <Foreign text={scope} />
                </span>
              </span>
            </li>
          ))}
        </ul>
      )}
      {unknown.length > 0 && <Codes texts={unknown} />}
      {view.resources.length > 0 && (
        <>
          <p>For use at</p>
          <Codes texts={view.resources} />
        </>
      )}
      {view.authorizationDetailTypes.length > 0 && (
        <>
          <p>With details of the kind</p>
          <Codes texts={view.authorizationDetailTypes} />
        </>
      )}
    </section>
  );
}

function KeyField(props: { view: ConsentView; problem: string | null; instructions: string | null }) {
  const { view, problem, instructions } = props;
  return (
    <section aria-labelledby="your-key">
      <h2 id="your-key">Your key</h2>
      {instructions !== null && <Instructions markdown={instructions} />}
      <div class="field">
        <label for="key">
          Key for <Foreign text={view.brand.name} />
        </label>
        <input
          id="key"
          name="key"
          type="password"
          required
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          aria-describedby={problem === null ? "key-hint" : "key-problem key-hint"}
          aria-invalid={problem === null ? undefined : "true"}
        />
        {problem !== null && (
          <p id="key-problem" class="problem" role="alert">
            <Foreign text={problem} />
          </p>
        )}
        <p id="key-hint" class="hint">
          It is stored encrypted, and <Foreign text={view.projectName} /> gets it when it acts for you.
        </p>
      </div>
    </section>
  );
}

function Caution({ view }: { view: ConsentView }) {
  if (view.binding !== "confirm") return null;
  return (
    <div class="caution">
      <Icon shape="caution" />
      <div>
        <p>
          <strong>Continue only if you started this yourself.</strong>
        </p>
        <p>
          Did someone send you this link? Then cancel: your account would become theirs to use, as{" "}
          <Code text={view.subjectId} />.
        </p>
      </div>
    </div>
  );
}
