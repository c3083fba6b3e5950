import type { Caller } from "./callers/caller.ts";
import { createCallerDirectory } from "./callers/caller-directory.ts";
import { ApiError, type Failure, type Result, unwrap } from "./errors.ts";
import { failureOf, failureResponse, successResponse } from "./http/answer.ts";
import { authenticateRequest } from "./http/authentication.ts";
import { requireOwnProject, requireRole } from "./http/authorize-route.ts";
import { parseJsonText, readCapped, readJsonText } from "./http/body.ts";
import { recallBody, rememberBody } from "./http/body-memory.ts";
import type { Answer, Endpoint, Input } from "./http/endpoint.ts";
import { createOnce } from "./http/idempotency.ts";
import { readQuery } from "./http/query.ts";
import { type RequestFacts, requestEvent, requestLevel, requestPoint } from "./http/request-event.ts";
import { allowedMethods, createRouter, type Match, type Route } from "./http/routing.ts";
import { validate } from "./http/validation.ts";
import { clientKey } from "./limits/client-address.ts";
import { callerKey } from "./limits/work-budget.ts";
import { resolveProjectId } from "./projects/project-store.ts";
import { ROUTES } from "./routes.ts";
import { identifyBinding } from "./service-binding/identify-binding.ts";
import type { Services } from "./services.ts";
import { newId } from "./store/ids.ts";
import { checkTeamSelector } from "./team/team-selector.ts";
import { findTeam } from "./team/team-store.ts";

/** Keeps the invocation alive until `work` settles. */
export type Defer = (work: Promise<unknown>) => void;

export interface App {
  /** Answers one request; work that may outlive the answer goes to `defer` (waitUntil). Never rejects. */
  fetch(request: Request, defer: Defer): Response | Promise<Response>;
  /** The same for a service binding: its `props` say who calls, and headers do not. */
  fetchBound(props: unknown, request: Request, defer: Defer): Response | Promise<Response>;
}

/** The HTTP face of everything: the URL map of `routes.ts`, in front of the given services. */
export function createApp(services: Services, routes: readonly Route[] = ROUTES): App {
  const find = createRouter(routes);
  // Not async: a promise in a promise is settled two turns later.
  const run = (request: Request, defer: Defer, binding: Call["binding"]) => {
    const served = serve(services, { ...find(request.url), request, defer: loggedDefer(services, defer), binding });
    return request.method === "HEAD" ? served.then((response) => new Response(null, response)) : served;
  };
  return {
    fetch: (request, defer) => run(request, defer, null),
    fetchBound: (props, request, defer) => run(request, defer, { props }),
  };
}

/** The pattern, and not the path, is what the log gets: raw paths carry identifiers. */
interface Call extends Match {
  request: Request;
  defer: Defer;
  /** The service binding that it came through; null for HTTP, where credentials are in the headers. */
  binding: { props: unknown } | null;
}

/** What is learnt of a request on the way, for its log line and the counters. */
interface Trace {
  requestId: string;
  startedAtMs: number;
  caller: Caller | null;
  failure: Failure | null;
  /** What the handler adds. */
  facts: RequestFacts;
}

/** One request from its first byte to its log line. Nothing that is thrown below gets past, and no stack is shown. */
async function serve(services: Services, call: Call): Promise<Response> {
  const requestId = newId("req", services.randomBytes);
  const trace: Trace = { requestId, startedAtMs: services.now(), caller: null, failure: null, facts: {} };
  let response: Response;
  try {
    const answered = await answer(services, call, trace);
    trace.failure = answered.failure ?? null;
    response = successResponse(answered, requestId);
  } catch (thrown) {
    trace.failure = failureOf(thrown);
    response = failureResponse(trace.failure, requestId, call.request.headers.has("authorization"));
  }
  if (response.status === 405) response.headers.set("allow", allowedMethods(call.endpoints));
  reportRequest(services, call, trace, response);
  return response;
}

/** The sequence of every request: route, who, which team, may they, what, and only then the handler. */
async function answer(services: Services, call: Call, trace: Trace): Promise<Answer> {
  const { request, params, endpoints } = call;
  const endpoint = endpoints.get(request.method === "HEAD" ? "GET" : request.method);
  if (endpoint === undefined) {
    if (endpoints.size === 0) throw new ApiError("not_found", { message: "There is no such route." });
    if (request.method !== "OPTIONS") throw new ApiError("method_not_allowed");
    return { status: 204, headers: { allow: allowedMethods(endpoints) } };
  }
  const { limits } = services;
  if (endpoint.access === "provider") {
    return endpoint.handle({ ...(await inputOf(services, endpoint, call, {}, trace)), request });
  }
  if (endpoint.access === "public" && endpoint.pages === true) {
    unwrap(await limits.take("ip", clientKey(request.headers)));
    return endpoint.handle(await inputOf(services, endpoint, call, {}, trace));
  }
  const { teamId, slug, ...query } = unwrap(readQuery(request.url));
  if (endpoint.access === "public") {
    unwrap(await limits.take("ip", clientKey(request.headers)));
    return endpoint.handle(await inputOf(services, endpoint, call, query, trace));
  }

  const caller = unwrap(await identify(services, call));
  trace.caller = caller;
  if (!spendsItself(endpoint)) unwrap(await limits.take("caller", callerKey(caller)));
  if (teamId !== undefined || slug !== undefined) {
    unwrap(await checkTeamSelector({ teamId, slug }, () => findTeam(services.db)));
  }
  if (endpoint.access === "runtime") {
    return endpoint.handle(Object.assign(await inputOf(services, endpoint, call, query, trace), { caller }));
  }
  const manager = unwrap(requireRole(caller, endpoint.role));
  if (manager.projectId !== null) {
    const projectId = endpoint.teamWide === true ? null : await resolveProjectId(services.db, params.p);
    unwrap(requireOwnProject(manager, projectId));
  }
  const input = { ...(await inputOf(services, endpoint, call, query, trace)), caller: manager };
  if (endpoint.creates !== true) return endpoint.handle(input);
  return createOnce(services, { caller: manager, request, body: input.body }, () => endpoint.handle(input));
}

/** By the props of a service binding, or else by the request's credentials. */
function identify(services: Services, { request, binding, defer }: Call): Promise<Result<Caller>> {
  if (binding !== null) return identifyBinding(binding.props, createCallerDirectory({ ...services, defer }));
  return authenticateRequest(request.headers, services, defer);
}

function spendsItself(endpoint: Endpoint): boolean {
  return endpoint.access === "runtime" && endpoint.spendsItself === true;
}

async function inputOf(
  services: Services,
  endpoint: Endpoint,
  { request, params, defer }: Call,
  sentQuery: Record<string, string>,
  trace: Trace,
): Promise<Input<unknown, unknown>> {
  const query = endpoint.query === undefined ? {} : unwrap(validate(endpoint.query, sentQuery, "query"));
  const body = await bodyOf(request, endpoint);
  const note = (facts: RequestFacts) => Object.assign(trace.facts, facts);
  const { requestId } = trace;
  return { services, params, query, body, headers: request.headers, request, requestId, defer, note };
}

async function bodyOf(request: Request, endpoint: Endpoint): Promise<unknown> {
  const { body: schema, bodyOptional: optional = false, bodyRepeats: repeats = false, rawBody } = endpoint;
  if (rawBody !== undefined) return unwrap(await readCapped(request, rawBody.maxBytes));
  if (schema === undefined) return undefined;
  const text = unwrap(await readJsonText(request));
  if (text === "" && !optional) throw new ApiError("bad_request", { message: "This route needs a JSON body." });
  const known = repeats ? recallBody(schema, text) : undefined;
  if (known !== undefined) return known;
  const body = unwrap(validate(schema, text === "" ? {} : unwrap(parseJsonText(text)), "body"));
  if (repeats) rememberBody(schema, text, body);
  return body;
}

/** Deferred work has nobody to fail to, so its failure becomes a log line. */
function loggedDefer({ log }: Services, defer: Defer): Defer {
  return (work) =>
    defer(
      work.catch((thrown: unknown) => {
        const { code, reason } = failureOf(thrown);
        log.warn("deferred_work_failed", { errorCode: code, reason });
      }),
    );
}

function reportRequest(services: Services, call: Call, trace: Trace, { status }: Response): void {
  const { log, metrics, now } = services;
  const { method } = call.request;
  const answered = { ...trace, method, pattern: call.pattern, status, durationMs: now() - trace.startedAtMs };
  log[requestLevel(status)]("request", requestEvent(answered));
  metrics.record(requestPoint(answered));
}
