import type { z } from "zod/mini";
import type { AccessTokenCaller, Caller } from "../callers/caller.ts";
import type { Role } from "../callers/roles.ts";
import type { ErrorStatus, Failure } from "../errors.ts";
import type { Services } from "../services.ts";
import type { RequestFacts } from "./request-event.ts";

/** What a handler returns; the HTTP shell adds the request id, `no-store` and the content type. */
export interface Answer {
  status: 200 | 201 | 202 | 204 | 303 | ErrorStatus;
  body?: unknown;
  /** Instead of `body`: sent as it is, with the content type that `headers` names. */
  raw?: string | Uint8Array<ArrayBuffer>;
  headers?: Record<string, string>;
  /** What the page says went wrong; for the log and the counters. */
  failure?: Failure;
}

export interface Input<Body, Query> {
  services: Services;
  /** Decoded path parameters. */
  params: Record<string, string>;
  query: Query;
  body: Body;
  headers: Headers;
  request: Pick<Request, "method" | "url">;
  /** As the answer will carry it. */
  requestId: string;
  /** Keeps the invocation alive until `work` settles (waitUntil); failures are logged, never thrown. */
  defer: (work: Promise<unknown>) => void;
  /** Adds to the request's log line and counters; kept when the handler fails. */
  note: (facts: RequestFacts) => void;
}

interface Common<Body, Query> {
  body?: z.ZodMiniType<Body>;
  /** Accept a request without any body as `{}`. */
  bodyOptional?: boolean;
  /** The same few bodies come again and again: what one was understood as is kept, and handlers get it frozen. */
  bodyRepeats?: boolean;
  /** Instead of `body`: the bytes as they were sent. */
  rawBody?: { maxBytes: number; mediaTypes: string[] };
  /** Honours `If-Match`. */
  conditional?: boolean;
  query?: z.ZodMiniType<Query>;
}

/** Open to anyone. */
export interface PublicEndpoint<Body, Query> extends Common<Body, Query> {
  access: "public";
  /** For people's browsers: it reads its query itself, and answers with pages. */
  pages?: boolean;
  handle(input: Input<Body, Query>): Promise<Answer>;
}

/** For access tokens of at least `role`. A token bound to a project passes only on that project's own paths. */
export interface ManagementEndpoint<Body, Query> extends Common<Body, Query> {
  access: "management";
  role: Role;
  /** Refuses access tokens that are bound to a project on that project's own paths, too. */
  teamWide?: boolean;
  /** Answers 201 for something new: repeats with the same `Idempotency-Key` get the same answer. */
  creates?: boolean;
  handle(input: Input<Body, Query> & { caller: AccessTokenCaller }): Promise<Answer>;
}

/** For workloads and access tokens alike; the handler decides what they may do. */
export interface RuntimeEndpoint<Body, Query> extends Common<Body, Query> {
  access: "runtime";
  /** Its cost depends on what is cached, so the handler itself counts against its caller's limit. */
  spendsItself?: boolean;
  handle(input: Input<Body, Query> & { caller: Caller }): Promise<Answer>;
}

/** What a provider sent, unread. */
export interface ProviderInput extends Omit<Input<undefined, undefined>, "body" | "query" | "request"> {
  request: Request;
}

/** For providers' webhooks: who sent a request is in its signature, so the handler reads, judges and limits it itself. */
export interface ProviderEndpoint extends Common<unknown, unknown> {
  access: "provider";
  handle(input: ProviderInput): Promise<Answer>;
}

export type Endpoint<Body = unknown, Query = unknown> =
  | PublicEndpoint<Body, Query>
  | ProviderEndpoint
  | ManagementEndpoint<Body, Query>
  | RuntimeEndpoint<Body, Query>;

export function publicEndpoint<Body = undefined, Query = Record<string, never>>(
  definition: Omit<PublicEndpoint<Body, Query>, "access">,
): Endpoint {
  return { access: "public", ...definition } as unknown as Endpoint;
}

export function providerEndpoint(definition: Omit<ProviderEndpoint, "access">): Endpoint {
  return { access: "provider", ...definition };
}

export function managementEndpoint<Body = undefined, Query = Record<string, never>>(
  role: Role,
  definition: Omit<ManagementEndpoint<Body, Query>, "access" | "role">,
): Endpoint {
  return { access: "management", role, ...definition } as unknown as Endpoint;
}

export function runtimeEndpoint<Body = undefined, Query = Record<string, never>>(
  definition: Omit<RuntimeEndpoint<Body, Query>, "access">,
): Endpoint {
  return { access: "runtime", ...definition } as unknown as Endpoint;
}
