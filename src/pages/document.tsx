import { ConsentPage, consentTitle } from "./consent-page.tsx";
import { ContinuePage, continueTitle } from "./continue-page.tsx";
import { FAVICON_PATH } from "./favicon.ts";
import { InstallPage, installTitle } from "./install-page.tsx";
import { OutcomePage, outcomeTitle } from "./outcome-page.tsx";
import { styleOf } from "./style.ts";
import type { PageView } from "./views.ts";
import { destination, shown } from "./words.ts";

/** The whole document. Everything in it is escaped where it is drawn. */
export function documentOf(view: PageView, nonce: string): string {
  return `<!doctype html>${String(<Document view={view} nonce={nonce} />)}`;
}

function Document({ view, nonce }: { view: PageView; nonce: string }) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        {view.kind === "continue" && view.fields == null && (
          <meta http-equiv="refresh" content={`0; url=${destination(view.url).href}`} />
        )}
        <title>{shown(titleOf(view))}</title>
        <link rel="icon" href={view.brand?.iconPath ?? FAVICON_PATH} />
        <style nonce={nonce}>{styleOf(view.brand)}</style>
      </head>
      <body>
        <div class="card">
          <Page view={view} />
        </div>
        {((view.kind === "consent" && view.key === null) || view.kind === "install") && (
          <footer>
            <p>You will never be asked for a password on this page.</p>
          </footer>
        )}
      </body>
    </html>
  );
}

function titleOf(view: PageView): string {
  switch (view.kind) {
    case "consent":
      return consentTitle(view);
    case "install":
      return installTitle(view);
    case "continue":
      return continueTitle(view);
    case "outcome":
      return outcomeTitle(view);
  }
}

function Page({ view }: { view: PageView }) {
  switch (view.kind) {
    case "consent":
      return <ConsentPage view={view} />;
    case "install":
      return <InstallPage view={view} />;
    case "continue":
      return <ContinuePage view={view} />;
    case "outcome":
      return <OutcomePage view={view} />;
  }
}
