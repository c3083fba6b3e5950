export interface PageFacts {
  client: string;
  /** Who is signed in; empty = nobody. */
  account: string;
  scopes: string[];
}

/** Asks who is there. No password: this is a demo, and says so. */
export function loginPage({ client }: PageFacts): string {
  return page(
    "Sign in to Acme",
    `<p>to go on to <strong>${escapeHtml(client)}</strong>. A demo provider: any name will do.</p>
    <form method="post">
      <label>Your name <input name="login" value="ada" autocomplete="username" required></label>
      <p><button name="decision" value="allow">Sign in</button> <button name="decision" value="deny" formnovalidate>Cancel</button></p>
    </form>`,
  );
}

/** Asks whether the client may. */
export function consentPage({ client, account, scopes }: PageFacts): string {
  return page(
    `${client} asks for access`,
    `<p>You are <strong>${escapeHtml(account)}</strong> at Acme. It wants to use:</p>
    <ul>${scopes.map((scope) => `<li><code>${escapeHtml(scope)}</code></li>`).join("")}</ul>
    <form method="post">
      <p><button name="decision" value="allow">Allow</button> <button name="decision" value="deny">Deny</button></p>
    </form>`,
  );
}

export function errorPage(sentence: string): string {
  return page("Acme cannot go on", `<p>${escapeHtml(sentence)}</p>`);
}

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <title>${escapeHtml(title)}</title>
    <link rel="icon" href="data:,">
    <style>
      :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
      body { max-width: 24rem; margin: 15vh auto; padding: 0 1rem; }
      input, button { font: inherit; padding: 0.4rem 0.8rem; }
    </style>
  </head>
  <body>
    <h1>${escapeHtml(title)}</h1>
    ${content}
  </body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
