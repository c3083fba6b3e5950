import type { Services } from "../../src/services.ts";
import { formTokenOf } from "../authorize/support.ts";
import type { ApiAnswer } from "../support/api.ts";
import { type Browser, type InstallWorld, newVerifier, ownPath, redirectOf } from "./support.ts";

/** A registration that an operator asked for: the refusal that leads to it, and its id. */
export async function registration(
  { api, github, owner }: InstallWorld,
  name: string,
  fields: object = {},
  query = "?autoinstall=true",
) {
  const { verifier, requestCode } = await newVerifier();
  const data = { host: github.webOrigin, apiUrl: github.apiBase, permissions: ["contents:read", "issues:read"] };
  const body = { service: "github", name, data, request_code: requestCode, ...fields };
  const answer = await api.post(`/v1/connect/connectors/managed${query}`, body, owner);
  if (answer.status !== 422) throw new Error(answer.text);
  const id = new URL(answer.body.error.registerUrl).pathname.split("/")[2] ?? "";
  return { verifier, requestCode, answer, id };
}

/** The form of the page that follows the decision, as a browser would post it. */
export function formOf(html: string): { url: string; body: URLSearchParams } {
  const unescaped = (text: string) =>
    text.replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&lt;", "<").replaceAll("&amp;", "&");
  const url = /<form method="post" action="([^"]+)"/.exec(html)?.[1] ?? "";
  const fields = [...html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)];
  const pairs = fields.map(([, name = "", value = ""]): [string, string] => [name, unescaped(value)]);
  return { url: unescaped(url), body: new URLSearchParams(pairs) };
}

export async function agree(user: Browser, id: string): Promise<ApiAnswer> {
  const page = await user.get(`/register/${id}`);
  return user.post(`/install/${id}`, { form: formTokenOf(page.text), decision: "continue" });
}

/** The callback that the provider sends the browser to, once the app is registered. */
export async function registered(user: Browser, id: string): Promise<string> {
  const { url, body } = formOf((await agree(user, id)).text);
  return ownPath(await redirectOf(url, { method: "POST", body }));
}

/** The connector's own transaction fails; what came before it is kept. */
export function withoutConnectors(db: Services["db"]): Services["db"] {
  return {
    ...db,
    batch: (statements) =>
      statements.some(({ sql }) => sql.startsWith("INSERT INTO connectors"))
        ? Promise.reject(new Error("no space"))
        : db.batch(statements),
  };
}
