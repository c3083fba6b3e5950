import { expect, test } from "vitest";
import { Fragment, jsx } from "../../src/pages/markup/jsx-runtime.ts";

const NASTY = `<b a="1" c='2'>&amp;</b>`;
const ESCAPED = "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;&lt;/b&gt;";

test("U-01 text is escaped wherever it stands, and only elements are markup", () => {
  expect(String(jsx("p", { title: NASTY, children: NASTY }))).toBe(`<p title="${ESCAPED}">${ESCAPED}</p>`);
  expect(String(jsx("p", { children: [NASTY, [jsx("br", {}), NASTY]] }))).toBe(`<p>${ESCAPED}<br/>${ESCAPED}</p>`);
  expect(String(jsx(() => NASTY, {}))).toBe(ESCAPED);
  expect(String(Fragment({ children: [NASTY, jsx("i", {})] }))).toBe(`${ESCAPED}<i></i>`);
});

test("U-01 what merely says that it is markup is text", () => {
  const forged = Object.assign(new String(NASTY), { isEscaped: true });
  expect(String(jsx("p", { title: forged, children: forged as unknown as string }))).toBe(
    `<p title="${ESCAPED}">${ESCAPED}</p>`,
  );
});

test("what is absent is not drawn, and zero is not absent", () => {
  const absent = { hidden: false, title: undefined, id: null };
  expect(String(jsx("p", { ...absent, children: [null, undefined, false, true, 0, ""] }))).toBe("<p>0</p>");
  expect(String(jsx("input", { required: true, value: "" }))).toBe('<input required="" value=""/>');
});

test("a component gets its props and its children", () => {
  const Named = ({ name, children }: Record<string, unknown>) =>
    jsx("p", { children: [String(name), String(children)] });
  expect(String(jsx(Named, { name: "a", children: "b" }))).toBe("<p>ab</p>");
});
