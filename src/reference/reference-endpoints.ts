import { sha256 } from "../crypto/digest.ts";
import { type Endpoint, publicEndpoint } from "../http/endpoint.ts";
import type { Route } from "../http/routing.ts";
import { openApiDocument } from "./openapi.ts";
import { PAGE_STYLE, referencePage } from "./page.ts";

const CACHEABLE = { "cache-control": "public, max-age=300" };

/** The routes as they are served here; a function, because these two are among them. */
type Routes = () => readonly Route[];

export function openApiEndpoint(routes: Routes): Endpoint {
  return publicEndpoint({
    summary: "This API as an OpenAPI 3.1 document.",
    async handle() {
      return { status: 200, body: openApiDocument(routes()), headers: CACHEABLE };
    },
  });
}

export function referenceEndpoint(routes: Routes): Endpoint {
  return publicEndpoint({
    summary: "This API as a page for people.",
    async handle() {
      const style = btoa(String.fromCharCode(...(await sha256(PAGE_STYLE))));
      const policy = `default-src 'none'; style-src 'sha256-${style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
      return {
        status: 200,
        raw: await referencePage(openApiDocument(routes())),
        headers: { ...CACHEABLE, "content-type": "text/html; charset=utf-8", "content-security-policy": policy },
      };
    },
  });
}
