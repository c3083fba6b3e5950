import { Instructions } from "./instructions.tsx";
import type { Child } from "./markup/jsx-runtime.ts";
import { Asker, BrandHeader, Caution, Codes, DecisionForm, Foreign, Icon, PasteField } from "./parts.tsx";
import { scopeWords } from "./scope-words.ts";
import type { ConsentView } from "./views.ts";
import { ago } from "./words.ts";

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
          <Foreign text={view.projectName} />{" "}
          {view.key === null ? (
            <>
              asks to use your <Foreign text={view.brand.name} /> account
            </>
          ) : (
            <>
              asks for your key to <Foreign text={view.brand.name} />
            </>
          )}
        </h1>
        <Facts view={view} />
        <Access view={view} />
        <DecisionForm view={view}>
          {view.key !== null && (
            <KeyField view={view} problem={view.key.problem} instructions={view.key.instructions} />
          )}
          {view.key === null && <Steps view={view} />}
          {view.binding === "confirm" && (
            <Caution>
              If somebody sent you this link, cancel. Your account would be theirs to use, as{" "}
              <Foreign text={view.subjectId} />.
            </Caution>
          )}
        </DecisionForm>
      </main>
    </>
  );
}

function Facts({ view }: { view: ConsentView }) {
  return (
    <section aria-label="The request">
      <dl>
        <Asker projectName={view.projectName} environments={[view.environment]} />
        <dt>You are</dt>
        <dd>
          <Foreign text={view.subjectId} />
          <span class="note">
            {view.subjectIssuer === null ? "as known to " : "at "}
            <Foreign text={view.subjectIssuer ?? view.projectName} />
          </span>
        </dd>
        <dt>Asked</dt>
        <dd>{ago(view.ageMs)}</dd>
      </dl>
    </section>
  );
}

function Access({ view }: { view: ConsentView }) {
  const { scopes, resources, authorizationDetailTypes, brand, providerHost, key } = view;
  const asked = scopes.map((scope) => ({ scope, words: scopeWords(scope, providerHost) }));
  const plain = asked.filter(({ words }) => words !== null);
  const others = asked.filter(({ words }) => words === null);
  return (
    <section aria-labelledby="access">
      <h2 id="access">What it asks for</h2>
      {key !== null && <p>Whatever the key allows.</p>}
      {key === null && scopes.length === 0 && (
        <p>
          It names no rights, so you are asked for those that <Foreign text={brand.name} /> gives by default. Read what
          you are shown there before you agree.
        </p>
      )}
      {plain.length > 0 && (
        <ul class="scopes">
          {plain.map(({ scope, words }) => (
            <li>
              <Icon shape="check" />
              <span>
                {words}
                <span class="note">
                  <Foreign text={scope} />
                </span>
              </span>
            </li>
          ))}
        </ul>
      )}
      <CodeGroup texts={others.map(({ scope }) => scope)}>
        {plain.length > 0 ? "And" : "Access"}, in the terms of <Foreign text={brand.name} />:
      </CodeGroup>
      <CodeGroup texts={resources}>For use at:</CodeGroup>
      <CodeGroup texts={authorizationDetailTypes}>With details of the kind:</CodeGroup>
    </section>
  );
}

function CodeGroup({ texts, children }: { texts: string[]; children?: Child }) {
  if (texts.length === 0) return null;
  return (
    <>
      <p class="lead">{children}</p>
      <Codes texts={texts} />
    </>
  );
}

/** Where the user goes from here, so that each place is expected. */
function Steps({ view }: { view: ConsentView }) {
  const { binding, subjectIssuer, providerHost, returnHost, projectName } = view;
  return (
    <section aria-labelledby="steps">
      <h2 id="steps">What happens next</h2>
      <ol class="steps">
        {binding === "login" && (
          <li>
            You sign in{" "}
            {subjectIssuer !== null && (
              <>
                at <Foreign text={subjectIssuer} />
              </>
            )}
            , so that nobody else’s account is connected
          </li>
        )}
        {providerHost !== null && (
          <li>
            You agree, or not, at <Foreign text={providerHost} />
          </li>
        )}
        {returnHost === null ? (
          <li>You are told here that it is done</li>
        ) : (
          <li>
            You go back to <Foreign text={returnHost} />
            {binding === "finalize" && (
              <>
                , where <Foreign text={projectName} /> makes sure that it was you
              </>
            )}
          </li>
        )}
      </ol>
    </section>
  );
}

function KeyField(props: { view: ConsentView; problem: string | null; instructions: string | null }) {
  const { view, problem, instructions } = props;
  const label = (
    <>
      Key for <Foreign text={view.brand.name} />
    </>
  );
  return (
    <section aria-labelledby="your-key">
      <h2 id="your-key">Your key</h2>
      {instructions !== null && <Instructions markdown={instructions} />}
      <PasteField name="key" type="password" required label={label} problem={problem}>
        It is stored encrypted. <Foreign text={view.projectName} /> gets it to act for you, and can do with it whatever
        the key allows.
      </PasteField>
    </section>
  );
}
