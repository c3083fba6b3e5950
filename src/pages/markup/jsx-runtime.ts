import type { JSX as HonoJSX } from "hono/jsx";

// What the compiler makes of the pages' tags (`jsxImportSource` in tsconfig.json). A page is drawn at once, from constant
// elements, to one text: a JSX library is 4 KiB of context, streaming and promises more.

/** What an element may hold. Only `Html` is markup; everything else is text and drawn escaped. */
export type Child = Html | string | number | boolean | null | undefined | Child[];

type Props = Record<string, unknown> & { children?: Child };

/** Markup. The class is not exported: nothing but an element makes one. */
class Html {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

export declare namespace JSX {
  type Element = Html;
  interface ElementChildrenAttribute {
    children: Child;
  }
  type IntrinsicElements = {
    [Tag in keyof HonoJSX.IntrinsicElements]: Omit<HonoJSX.IntrinsicElements[Tag], "children" | "spellcheck"> & {
      children?: Child;
      /** Not a boolean attribute: without it, the browser decides. */
      spellcheck?: "true" | "false";
    };
  } & Record<"svg" | "path", Props>;
}

/** HTML §13.1.2: these have no end tag. */
const VOID = /^(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)$/;

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** An element with its attributes and children, or what a component makes of its props. */
export function jsx(type: string | ((props: Props) => Child), { children, ...attributes }: Props): Html {
  if (typeof type === "function") return new Html(drawn(type({ children, ...attributes })));
  const start = `<${type}${Object.entries(attributes).map(attribute).join("")}`;
  return new Html(VOID.test(type) ? `${start}/>` : `${start}>${drawn(children)}</${type}>`);
}

export const jsxs = jsx;
/** The name in code that is compiled for development. */
export const jsxDEV = jsx;

/** Children without an element around them. */
export function Fragment({ children }: { children?: Child }): Html {
  return new Html(drawn(children));
}

function drawn(child: Child): string {
  if (child instanceof Html) return child.toString();
  if (Array.isArray(child)) return child.map(drawn).join("");
  return child === null || child === undefined || typeof child === "boolean" ? "" : escaped(child);
}

function attribute([name, value]: [string, unknown]): string {
  if (value === null || value === undefined || value === false) return "";
  return ` ${name}="${value === true ? "" : escaped(value)}"`;
}

function escaped(value: unknown): string {
  return String(value).replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}
