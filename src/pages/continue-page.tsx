import { BrandHeader, Foreign } from "./parts.tsx";
import type { ContinueView } from "./views.ts";
import { destination } from "./words.ts";

export function continueTitle({ url }: ContinueView): string {
  return `Going on to ${destination(url).host}`;
}

const ABOUT = {
  provider: "You agree there, and come back",
  login: "You sign in there, and come back",
  return: "Back to where you came from",
  register: "You create it there, and come back",
  install: "You choose there where to install it, and come back",
} as const;

/** Goes on by itself, or by its link or form. A redirect in answer to the form would be subject to `form-action`. */
export function ContinuePage({ view }: { view: ContinueView }) {
  const { href, host } = destination(view.url);
  const { fields = null } = view;
  const label = (
    <span>
      Continue to <Foreign text={host} />
    </span>
  );
  return (
    <>
      <BrandHeader brand={view.brand} about={ABOUT[view.purpose]} />
      <main>
        <h1>
          Going on to <Foreign text={host} />
        </h1>
        {fields === null ? (
          <>
            <p class="muted">If nothing happens, use the button.</p>
            <div class="actions">
              <a class="button primary" href={href}>
                {label}
              </a>
            </div>
          </>
        ) : (
          <form method="post" action={href}>
            {Object.entries(fields).map(([name, value]) => (
              <input type="hidden" name={name} value={value} />
            ))}
            <div class="actions">
              <button class="button primary" type="submit">
                {label}
              </button>
            </div>
          </form>
        )}
      </main>
    </>
  );
}
