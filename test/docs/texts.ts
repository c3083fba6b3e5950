const texts = import.meta.glob(
  [
    "../../docs/*.md",
    "../../public/*",
    "../../README.md",
    "../../wrangler.toml",
    "../../src/**/*.ts",
    "../../test/**/*.test.ts",
  ],
  { query: "?raw", import: "default", eager: true },
);

/** The files whose path, from the root of the repository, begins with `prefix`; by that path. */
export function textsBelow(prefix: string): Record<string, string> {
  const byPath = Object.entries(texts).map(([path, text]) => [fromRoot(path), text] as const);
  return Object.fromEntries(byPath.filter(([path]) => path.startsWith(prefix)));
}

export function textOf(path: string): string {
  const text = textsBelow(path)[path];
  if (text === undefined) throw new Error(`there is no ${path}`);
  return text;
}

/** Vite gives paths as seen from here: `./x` and `../x` are in `test/`. */
function fromRoot(path: string): string {
  const { pathname } = new URL(path, "file:///test/docs/");
  return pathname.slice(1);
}
