import { html, raw } from "hono/html";
import type { Json, OpenApi, Operation } from "./openapi.ts";

export const PAGE_STYLE = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:0 auto;padding:1rem}h2{margin-top:3rem;border-bottom:1px solid}
article{margin:2rem 0}h3{font-size:1rem}code,pre{font:14px/1.45 ui-monospace,monospace}
pre{overflow:auto;padding:.75rem;border:1px solid #8886;border-radius:.3rem}nav a{margin-right:1rem}
table{border-collapse:collapse}td,th{text-align:left;vertical-align:top;padding:.2rem 1rem .2rem 0}summary{cursor:pointer}`;

type Html = ReturnType<typeof html>;

/** The document for people: grouped routes with their parameters, bodies and answers. One page without any script. */
export async function referencePage(document: OpenApi): Promise<string> {
  const groups = new Map<string, Html[]>();
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const tag = operation.tags[0] ?? "";
      groups.set(tag, [...(groups.get(tag) ?? []), article(method.toUpperCase(), path, operation)]);
    }
  }
  const names = [...groups.keys()];
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Valetkey API</title><style>${raw(PAGE_STYLE)}</style></head><body>
<h1>Valetkey API</h1>
<p>The same for programs: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1).
Every failure is a <a href="#schema-ErrorAnswer">ErrorAnswer</a> with a 4xx or 5xx status.</p>
<nav>${names.map((name) => html`<a href="#${idOf(name)}">${name}</a>`)}<a href="#schemas">Schemas</a></nav>
${names.map((name) => html`<section id="${idOf(name)}"><h2>${name}</h2>${groups.get(name) ?? []}</section>`)}
<section id="schemas"><h2>Schemas</h2>${Object.entries(document.components.schemas).map(
    ([name, schema]) => html`<article id="schema-${name}"><h3>${name}</h3>${code(schema)}</article>`,
  )}</section>
</body></html>`;
  return String(await page);
}

function article(method: string, path: string, operation: Operation): Html {
  const { description } = operation;
  return html`<article id="${operation.operationId}"><h3><code>${method} ${path}</code></h3>
<p>${operation.summary} ${typeof description === "string" ? description : ""}</p>
${operation.parameters.length > 0 ? parameterTable(operation) : ""}
${Object.entries(operation.requestBody?.content ?? {}).map(([type, { schema }]) => details(`Body: ${type}`, schema))}
${Object.entries(operation.responses)
  .filter(([, response]) => !("$ref" in response))
  .map(([status, response]) => answer(status, response))}</article>`;
}

function parameterTable({ parameters }: Operation): Html {
  return html`<table><tr><th>parameter</th><th>in</th><th>what</th></tr>${parameters.map(
    (parameter) => html`<tr><td><code>${parameter.name}</code>${parameter.required ? "" : " (optional)"}</td>
<td>${parameter.in}</td><td>${parameter.description ?? html`<code>${JSON.stringify(parameter.schema)}</code>`}</td></tr>`,
  )}</table>`;
}

function answer(status: string, { description, content }: Json): Html {
  const schema = (content as Record<string, { schema: Json }> | undefined)?.["application/json"]?.schema;
  return schema === undefined
    ? html`<p>${status}: ${String(description)}</p>`
    : details(`${status}: ${description}`, schema);
}

function details(title: string, schema: Json): Html {
  const { $ref } = schema;
  if (typeof $ref !== "string") return html`<details><summary>${title}</summary>${code(schema)}</details>`;
  const name = $ref.slice($ref.lastIndexOf("/") + 1);
  return html`<p>${title} <a href="#schema-${name}">${name}</a></p>`;
}

function code(schema: Json): Html {
  return html`<pre>${JSON.stringify(schema, null, 2)}</pre>`;
}

function idOf(tag: string): string {
  return tag.toLowerCase().replaceAll(" ", "-");
}
