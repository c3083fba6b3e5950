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
} as const;

/** Goes on by itself, or by its link. A redirect in answer to the form would be subject to `form-action`. */
export function ContinuePage({ view }: { view: ContinueView }) {
  const { href, host } = destination(view.url);
  return (
    <>
      <BrandHeader brand={view.brand} about={ABOUT[view.purpose]} />
      <main>
        <h1>
          Going on to <Foreign text={host} />
        </h1>
        <p class="muted">If nothing happens, use the button.</p>
        <div class="actions">
          <a class="button primary" href={href}>
            <span>
              Continue to <Foreign text={host} />
            </span>
          </a>
        </div>
      </main>
    </>
  );
}
