import { type Palette, palette } from "./palette.ts";
import type { Brand } from "./views.ts";

// Without `>`, `&` and quotation marks, which are escaped where a page is drawn as any other text is.

const SHEET = `
*,::before,::after{box-sizing:border-box}
html{font:16px/1.55 system-ui,-apple-system,Segoe UI,Roboto,Helvetica Neue,Noto Sans,sans-serif;-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;min-height:100vh;min-height:100dvh;display:flex;flex-direction:column;align-items:center;padding:0;color:var(--text);background:var(--canvas);overflow-wrap:anywhere}
.card{width:100%;max-width:33rem;padding:2rem 1.25rem;background:var(--surface)}
h1{margin:1.25rem 0 0;font-size:1.5rem;line-height:1.25;font-weight:650;letter-spacing:-.017em;text-wrap:balance}
h2{margin:0 0 .75rem;font-size:1rem;line-height:1.4;font-weight:650}
h3{margin:1rem 0 .25rem;font-size:1rem;line-height:1.4;font-weight:650}
p{margin:.75rem 0 0;text-wrap:pretty}
a{color:var(--accent);text-underline-offset:.15em}
a:not([href]){color:inherit}
blockquote{margin:.75rem 0 0;padding-inline-start:1rem;border-inline-start:3px solid var(--line);color:var(--muted)}
.instructions ol,.instructions ul{margin:.75rem 0 0;padding-inline-start:1.5rem}
.instructions li+li{margin-top:.25rem}
.instructions li p{margin:.25rem 0 0}
blockquote p{margin:0}
hr{margin:1rem 0 0;border:0;border-top:1px solid var(--line)}
code,pre{font:.875em/1.5 ui-monospace,SF Mono,Menlo,Consolas,Liberation Mono,monospace}
code{padding:.1em .35em;border-radius:.35em;background:var(--well)}
pre{margin:.75rem 0 0;padding:.75rem;border-radius:.5rem;background:var(--well);white-space:pre-wrap}
pre code{padding:0;background:none}
section{margin-top:1.5rem;padding-top:1.5rem;border-top:1px solid var(--line)}
.muted{color:var(--muted)}

.brand{display:flex;align-items:center;gap:.75rem}
.brand p{margin:0;line-height:1.35;min-width:0}
.brand .muted{font-size:.875rem}
.brand .name{font-weight:600}
.tile{flex:none;display:grid;place-items:center;width:3rem;height:3rem;border-radius:.75rem;overflow:hidden;font-size:1.375rem;font-weight:650;line-height:1;color:var(--on-tile);background:var(--tile);box-shadow:inset 0 0 0 1px var(--edge)}
.tile img{width:2rem;height:2rem;object-fit:contain}
.tile .whole{width:100%;height:100%}
.badge{display:inline-block;margin-block:.1rem;margin-inline-end:.25em;padding:.05rem .5rem;border:1px solid var(--line);border-radius:.75rem;font-size:.8125rem;font-weight:500;color:var(--muted);vertical-align:.08em}

dl{margin:0;display:grid;grid-template-columns:minmax(4.5rem,max-content) 1fr;gap:.5rem 1.25rem}
dt{color:var(--muted)}
dd{margin:0;min-width:0}
.scopes{margin:0;padding:0;list-style:none}
.scopes li{display:flex;gap:.65rem;margin-top:.5rem}
.scopes li svg{flex:none;width:1.125rem;height:1.125rem;margin-top:.2rem;color:var(--muted)}
.note{display:block;font-size:.8125rem;line-height:1.45;color:var(--muted)}
.lead{color:var(--muted)}
h2+.lead{margin-top:0}
.codes{display:flex;flex-wrap:wrap;gap:.375rem;margin:.5rem 0 0;padding:0;list-style:none}
.codes code{display:block}
.steps{margin:0;padding:0;list-style:none;counter-reset:step}
.steps li{position:relative;padding-inline-start:2.25rem;counter-increment:step}
.steps li+li{margin-top:.5rem}
.steps li::before{content:counter(step);position:absolute;inset-inline-start:0;top:.05rem;display:grid;place-items:center;width:1.5rem;height:1.5rem;border-radius:50%;font-size:.8125rem;font-weight:600;color:var(--muted);background:var(--well)}

.caution{display:flex;gap:.75rem;margin-top:1.5rem;padding:.875rem 1rem;border-radius:.75rem;color:var(--caution-text);background:var(--caution)}
.caution svg{flex:none;width:1.25rem;height:1.25rem;margin-top:.125rem;color:var(--caution-mark)}
.caution p{margin:0}
.caution p+p{margin-top:.25rem}

.field{margin-top:1.25rem}
label{display:block;margin-bottom:.375rem;font-weight:600}
input{display:block;width:100%;min-height:3rem;padding:.625rem .875rem;border:1px solid var(--edge-strong);border-radius:.625rem;font:inherit;color:inherit;background:var(--surface)}
.hint{margin-top:.5rem;font-size:.875rem;color:var(--muted)}
.problem{margin:.5rem 0 0;color:var(--danger);font-weight:500}
input[aria-invalid]{border-color:var(--danger)}

.actions{display:flex;flex-direction:column;gap:.75rem;margin-top:1.5rem}
.button{display:flex;align-items:center;justify-content:center;width:100%;min-height:3rem;padding:.625rem 1.25rem;border:1px solid var(--edge-strong);border-radius:.625rem;font:inherit;font-weight:600;text-align:center;text-decoration:none;cursor:pointer;color:var(--text);background:transparent}
.button:hover{background:var(--well)}
.primary{border-color:var(--accent);color:var(--on-fill);background:var(--fill)}
.primary:hover{background:var(--fill);box-shadow:0 0 0 3px var(--line)}
.armed{animation:arm .5s}
@keyframes arm{from,to{pointer-events:none}}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}

.mark{display:grid;place-items:center;width:2.75rem;height:2.75rem;border-radius:50%;background:var(--well);color:var(--muted)}
.brand+main .mark{margin-top:1.75rem}
.mark svg{width:1.5rem;height:1.5rem}
.mark+h1{margin-top:1rem}
.good{color:var(--good)}
.bad{color:var(--danger)}
.details{margin-top:1.5rem;font-size:.875rem;color:var(--muted)}
footer{width:100%;max-width:33rem;padding:1rem 1.25rem 2rem;font-size:.8125rem;color:var(--on-canvas)}
footer p{margin:0}

@media (min-width:36rem){
body{justify-content:center;padding:2.5rem 1.5rem}
.card{padding:2.25rem;border:1px solid var(--line);border-radius:1.25rem;box-shadow:0 1px 2px rgb(0 0 0/.04),0 12px 32px -12px rgb(0 0 0/.12)}
.actions{flex-direction:row}
footer{padding:1rem 2.25rem 0}
}
@media (max-width:35.99rem){
.card{flex:1 0 auto}
.card+footer{border-top:1px solid var(--line)}
}
@media (prefers-reduced-motion:no-preference){
.button{transition:background-color .12s,box-shadow .12s}
}
`;

/** Colours that mean the same on every page. */
const MEANINGS = {
  light:
    "--edge:rgb(0 0 0/.07);--edge-strong:#868c95;--good:#15703b;--danger:#b42318;--caution:#fdf3dc;--caution-text:#4c3606;--caution-mark:#8f6200",
  dark: "--edge:rgb(255 255 255/.1);--edge-strong:#737a84;--good:#5cc98a;--danger:#ff9086;--caution:#33290f;--caution-text:#f5e3b5;--caution-mark:#eabd53",
};

/** The one style sheet of a page. Only the values of its colours depend on the brand. */
export function styleOf(brand: Brand | null): string {
  const light = `:root{color-scheme:light dark;${MEANINGS.light};${variables(palette(brand, "light"))}}`;
  const dark = `@media (prefers-color-scheme:dark){:root{${MEANINGS.dark};${variables(palette(brand, "dark"))}}}`;
  return `${light}${dark}${SHEET}`;
}

function variables(colors: Palette): string {
  const entries = Object.entries(colors).map(([name, color]) => {
    return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}:${color}`;
  });
  return entries.join(";");
}
