/** A call of `sql(` in `src`, and the SQL that its source gives. */
export interface SqlSite {
  /** `file:line`. */
  at: string;
  /** Expressions that no constant of the sources resolves stay in it as `${…}`. */
  text: string;
  /** Those expressions, as they are written there. */
  unresolved: string[];
}

/** Texts by path. */
type Sources = Readonly<Record<string, string>>;

interface Constant {
  file: string;
  text: string;
}

/** Every call of `sql(` in these sources, with constants (`NAME = "…"` or `` `…` ``) put in their places. */
export function sqlSites(sources: Sources): SqlSite[] {
  const constants = constantsOf(sources);
  return Object.entries(sources).flatMap(([file, source]) =>
    // Not its declaration, and not the SQLite of a Durable Object (`storage.sql`).
    [...source.matchAll(/(?<!function |[\w.])sql\(\s*(?:\/\/.*\s*)*/g)].map((call) => {
      const start = call.index + call[0].length;
      const at = `${file}:${source.slice(0, start).split("\n").length}`;
      const template = literalAt(source, start, /^\s*[,)]/) ?? `\${${expressionAt(source, start)}}`;
      const text = resolve(template, file, constants);
      return { at, text, unresolved: [...text.matchAll(HOLE)].map(([, expression = ""]) => expression) };
    }),
  );
}

const HOLE = /\$\{([^{}]+)\}/g;

function constantsOf(sources: Sources): Map<string, Constant[]> {
  const constants = new Map<string, Constant[]>();
  for (const [file, source] of Object.entries(sources)) {
    for (const declaration of source.matchAll(/^(?:export )?const ([A-Z][A-Z_]*) =\s+/gm)) {
      const [whole, name = ""] = declaration;
      const text = literalAt(source, declaration.index + whole.length, /^;/);
      if (text !== null) constants.set(name, [...(constants.get(name) ?? []), { file, text }]);
    }
  }
  return constants;
}

/** Of constants that share a name, the file's own is meant; otherwise only a name that is unique resolves. */
function resolve(template: string, file: string, constants: Map<string, Constant[]>): string {
  return template.replaceAll(HOLE, (hole, expression: string) => {
    const candidates = constants.get(expression) ?? [];
    const constant = candidates.find((each) => each.file === file) ?? (candidates.length === 1 ? candidates[0] : null);
    return constant == null ? hole : resolve(constant.text, constant.file, constants);
  });
}

/** What is between the quotes that open here, if they close before `end`; else null. */
function literalAt(source: string, start: number, end: RegExp): string | null {
  const quote = source[start];
  if (quote !== '"' && quote !== "`") return null;
  const close = source.indexOf(quote, start + 1);
  const text = source.slice(start + 1, close);
  return text.includes("\\") || !end.test(source.slice(close + 1)) ? null : text;
}

/** The first argument of a call, as far as its first comma or bracket. */
function expressionAt(source: string, start: number): string {
  return source.slice(start, start + source.slice(start).search(/[,)]/));
}
