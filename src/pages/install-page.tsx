import { Asker, BrandHeader, Caution, DecisionForm, Foreign } from "./parts.tsx";
import type { InstallView } from "./views.ts";
import { ago } from "./words.ts";

export function installTitle({ brand, registers }: InstallView): string {
  return `${registers ? "Register" : "Install"} ${brand.name}`;
}

/** What will be made where, who asks, and the two ways on. */
export function InstallPage({ view }: { view: InstallView }) {
  const { brand, asker, registers, installs, proves, receives, isAgain, providerHost, returnHost } = view;
  const host = <Foreign text={providerHost} />;
  return (
    <>
      <BrandHeader brand={brand} about={registers ? "New connector" : "Request for an installation"} />
      <main>
        <h1>
          {registers ? "Register" : "Install"} <Foreign text={brand.name} /> at {host}
        </h1>
        <section aria-label="The request">
          <dl>
            {asker !== null && <Asker view={asker} />}
            {registers && (
              <>
                <dt>Events</dt>
                <dd>{receives ? "Sent to this deployment" : "None"}</dd>
              </>
            )}
            <dt>Asked</dt>
            <dd>{ago(view.ageMs)}</dd>
          </dl>
        </section>
        <DecisionForm view={view}>
          {isAgain && <Again proves={proves} />}
          <section aria-labelledby="steps">
            <h2 id="steps">What happens next</h2>
            <ol class="steps">
              {registers && <li>You create an app at {host}, which becomes this connector</li>}
              {installs && <li>You choose at {host} where to install it, and what it may reach</li>}
              {installs && proves && <li>You sign in there, to show that the installation is yours</li>}
              <li>
                {returnHost === null ? (
                  "You are told here that it is done"
                ) : (
                  <>
                    You go back to <Foreign text={returnHost} />
                  </>
                )}
              </li>
            </ol>
          </section>
          <Caution>
            If somebody sent you this link, cancel. This deployment would be let in where you install{" "}
            <Foreign text={brand.name} />.
          </Caution>
        </DecisionForm>
      </main>
    </>
  );
}

/** Where it is installed already, the service may show its settings, and not send the browser back. */
function Again({ proves }: { proves: boolean }) {
  return (
    <section aria-labelledby="again">
      <h2 id="again">Already installed there?</h2>
      {proves ? (
        <div class="field">
          <label for="installed">Address of its settings page, or its number</label>
          <input
            id="installed"
            name="installed"
            autocomplete="off"
            spellcheck="false"
            aria-describedby="installed-hint"
          />
          <p id="installed-hint" class="hint">
            Leave it empty to install it somewhere else.
          </p>
        </div>
      ) : (
        <p>Continue, and choose the place again.</p>
      )}
    </section>
  );
}
