import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import "./load-jsx.ts";
import { root } from "./paths.ts";

// `npm run openapi` writes the API reference into public/; a test fails when it is not what the routes make.

// By variable paths: the Worker's types are not those of these scripts.
const paths = ["../src/routes.ts", "../src/reference/openapi.ts", "../src/reference/page.ts"];
const [{ ROUTES }, { openApiDocument }, { PAGE_STYLE, referencePage }] = await Promise.all(
  paths.map((path) => import(path)),
);

const document = openApiDocument(ROUTES);
await writeFile(join(root, "public/openapi.json"), `${JSON.stringify(document, null, 2)}\n`);
await writeFile(join(root, "public/reference.html"), await referencePage(document));
await writeFile(join(root, "public/_headers"), headers(createHash("sha256").update(PAGE_STYLE).digest("base64")));

/** https://developers.cloudflare.com/workers/static-assets/headers/ */
function headers(styleHash: string): string {
  const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
  return [
    "/*",
    "  X-Content-Type-Options: nosniff",
    "  Referrer-Policy: no-referrer",
    "/reference",
    `  Content-Security-Policy: ${policy}`,
    "",
  ].join("\n");
}
