import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import "./load-jsx.ts";
import { root } from "./paths.ts";

// `npm run openapi` writes docs/openapi.json; a test fails when it is not what the routes make.

// By variable paths: the Worker's types are not those of these scripts.
const [routesModule, documentModule] = ["../src/routes.ts", "../src/reference/openapi.ts"];
const { ROUTES }: { ROUTES: unknown } = await import(routesModule);
const { openApiDocument }: { openApiDocument: (routes: unknown) => unknown } = await import(documentModule);

await writeFile(join(root, "docs/openapi.json"), `${JSON.stringify(openApiDocument(ROUTES), null, 2)}\n`);
