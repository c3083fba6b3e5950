import * as z from "zod/mini";
import type { Endpoint } from "../http/endpoint.ts";
import type { Route } from "../http/routing.ts";
import { ANSWERS, COMPONENTS } from "./answers.ts";
import { operationId, parameterText, tagOf } from "./naming.ts";
import { SUMMARIES } from "./summaries.ts";

export type Json = { [member: string]: unknown };

export interface OpenApi extends Json {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Json>; [part: string]: unknown };
}

export interface Operation extends Json {
  operationId: string;
  summary: string;
  tags: string[];
  parameters: Parameter[];
  requestBody?: { required: boolean; content: Record<string, { schema: Json }> };
  responses: Record<string, Json>;
}

export interface Parameter extends Json {
  name: string;
  in: "path" | "query" | "header";
  required: boolean;
  description?: string;
  schema: Json;
}

const page = { description: "A page.", content: { "text/html": { schema: { type: "string" } } } };
/** Of routes for people's browsers. */
const PAGES = { 200: page, 303: { description: "On to another address." }, "4XX": page, "5XX": page };

const FAILURE = { $ref: "#/components/responses/Failure" };

/** The routes as an OpenAPI 3.1 document, made from their own schemas. Pure: the same routes give the same document. */
export function openApiDocument(routes: readonly Route[]): OpenApi {
  const paths: OpenApi["paths"] = {};
  for (const route of routes) {
    const path = route[1].replaceAll(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route[0].toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Valetkey",
      version: "1",
      summary: "Short-lived provider tokens for workloads that hold no provider secrets.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/", description: "This deployment." }],
    tags: [...new Set(routes.map(([, pattern]) => tagOf(pattern)))].map((name) => ({ name })),
    paths,
    components: {
      schemas: Object.fromEntries([...COMPONENTS].map(([name, schema]) => [name, schemaOf(schema, "output")])),
      responses: {
        Failure: {
          description: "What went wrong: a code, one sentence that says what to do, and the request id.",
          content: { "application/json": { schema: { $ref: "#/components/schemas/ErrorAnswer" } } },
        },
      },
      securitySchemes: {
        accessToken: { type: "http", scheme: "bearer", description: "An access token, `vk_…`." },
        workloadToken: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "A workload's OIDC token." },
      },
    },
  };
}

function operationOf([method, pattern, endpoint]: Route): Operation {
  const required = endpoint.access === "management" ? ` Needs the role \`${endpoint.role}\` or above.` : "";
  return {
    operationId: operationId(method, pattern),
    summary: SUMMARIES[`${method} ${pattern}`] ?? "",
    ...(required !== "" && { description: required.trim() }),
    tags: [tagOf(pattern)],
    security: securityOf(endpoint),
    parameters: parametersOf(pattern, endpoint),
    ...requestBodyOf(endpoint),
    responses: {
      ...(isPage(endpoint) ? PAGES : { ...answerOf(method, pattern), "4XX": FAILURE, "5XX": FAILURE }),
    },
  };
}

function isPage(endpoint: Endpoint): boolean {
  return endpoint.access === "public" && endpoint.pages === true;
}

function securityOf({ access }: Endpoint): Json[] {
  if (access === "public" || access === "provider") return [];
  return access === "management" ? [{ accessToken: [] }] : [{ accessToken: [] }, { workloadToken: [] }];
}

function parametersOf(pattern: string, endpoint: Endpoint): Parameter[] {
  const text = { type: "string" };
  const path = [...pattern.matchAll(/:(\w+)/g)].map(([, name = ""]): Parameter => {
    return { name, in: "path", required: true, description: parameterText(name), schema: text };
  });
  const query = endpoint.query === undefined ? {} : schemaOf(endpoint.query, "input");
  const sent = Object.entries((query.properties ?? {}) as Record<string, Json>).map(([name, schema]): Parameter => {
    return { name, in: "query", required: false, schema };
  });
  const headers: Parameter[] = [];
  const header = (name: string, required: boolean, description: string) =>
    headers.push({ name, in: "header", required, description, schema: text });
  if (endpoint.access === "management" && endpoint.creates) {
    header("Idempotency-Key", false, "Repeats within 24 hours get the same answer.");
  }
  if (endpoint.conditional) header("If-Match", false, "The ETag that the connector must still have.");
  if (endpoint.rawBody !== undefined && !isPage(endpoint))
    header("x-vercel-digest", true, "SHA-1 of the body, in hex.");
  return [...path, ...sent, ...headers];
}

function requestBodyOf({ body, bodyOptional = false, rawBody }: Endpoint): Pick<Operation, "requestBody"> {
  if (rawBody !== undefined) {
    const content = rawBody.mediaTypes.map((mediaType) => [mediaType, { schema: {} }] as const);
    return { requestBody: { required: true, content: Object.fromEntries(content) } };
  }
  if (body === undefined) return {};
  return {
    requestBody: { required: !bodyOptional, content: { "application/json": { schema: schemaOf(body, "input") } } },
  };
}

function answerOf(method: string, pattern: string): Operation["responses"] {
  const answer = ANSWERS[`${method} ${pattern}`];
  if (answer === undefined) {
    return method === "DELETE" ? { 204: { description: "Done." } } : { 200: { description: "Done." } };
  }
  return {
    [answer.status]: {
      description: answer.status === 201 ? "Created." : "The answer.",
      content: { "application/json": { schema: referenceTo(answer.body) ?? schemaOf(answer.body, "output") } },
    },
  };
}

function referenceTo(schema: unknown): Json | null {
  const found = [...COMPONENTS].find(([, component]) => component === schema);
  return found === undefined ? null : { $ref: `#/components/schemas/${found[0]}` };
}

/** A schema as JSON Schema 2020-12, with components inside it as references. */
function schemaOf(schema: z.ZodMiniType, io: "input" | "output"): Json {
  const { $schema: _version, ...made } = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    override({ zodSchema, jsonSchema }) {
      const reference = zodSchema === (schema as unknown) ? null : referenceTo(zodSchema);
      if (reference === null) return;
      for (const member of Object.keys(jsonSchema)) delete jsonSchema[member];
      Object.assign(jsonSchema, reference);
    },
  });
  return made;
}
