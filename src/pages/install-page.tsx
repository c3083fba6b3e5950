import { Asker, BrandHeader, Caution, DecisionForm, Foreign, PasteField } from "./parts.tsx";
import type { InstallView } from "./views.ts";
import { ago, shown } from "./words.ts";

const PROBLEM = "This is neither an address nor a number. Copy it once more.";

export function installTitle({ brand, registers, mistyped }: InstallView): string {
  return `${mistyped === null ? "" : "Problem: "}${registers ? "Register" : "Install"} ${brand.name}`;
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
            {asker !== null && <Asker {...asker} />}
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
          {isAgain && <Again view={view} />}
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
function Again({ view: { proves, mistyped } }: { view: InstallView }) {
  return (
    <section aria-labelledby="again">
      <h2 id="again">Already installed there?</h2>
      {proves ? (
        <PasteField
          name="installed"
          label="Address of its settings page, or its number"
          value={shown(mistyped ?? "")}
          problem={mistyped === null ? null : PROBLEM}
        >
          Leave it empty to install it somewhere else.
        </PasteField>
      ) : (
        <p>Continue, and choose the place again.</p>
      )}
    </section>
  );
}
