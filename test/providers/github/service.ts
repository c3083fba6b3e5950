import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { text as readText } from "node:stream/consumers";
import type { Route } from "./context.ts";
import type { Fault, Faults } from "./faults.ts";
import { type Call, json, Refusal, type Reply } from "./http.ts";
import type { RequestLog, SeenRequest } from "./request-log.ts";
import type { World } from "./world.ts";

const API_VERSIONS = ["2022-11-28", "2026-03-10"];
const DEFAULT_API_VERSION = "2022-11-28";
const HOUR_MS = 3_600_000;

/** One of the two hosts: routes, faults, limits and what was seen. */
export class Service {
  readonly #world: World;
  readonly #faults: Faults;
  readonly #routes: readonly (Route & { pattern: RegExp })[];
  readonly #log: RequestLog;
  readonly #limits = new Map<string, { used: number; resetAtMs: number }>();

  constructor(world: World, faults: Faults, log: RequestLog, routes: readonly Route[]) {
    this.#world = world;
    this.#faults = faults;
    this.#log = log;
    this.#routes = routes.map((route) => ({
      ...route,
      pattern: new RegExp(`^${route.path.replace(/:(\w+)/g, "(?<$1>[^/]+)")}/?$`),
    }));
  }

  /** `path` is below the host's base; `api` answers as the REST API does. */
  async answer(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    path: string,
    api: boolean,
  ): Promise<void> {
    const method = request.method ?? "GET";
    const route = this.#routes.find((one) => one.method === method && one.pattern.test(path));
    const seen: SeenRequest = {
      route: route?.name ?? "unknown",
      method,
      path: url.pathname,
      headers: withoutSecrets(request),
      status: null,
      atMs: this.#world.now(),
    };
    this.#log.add(seen);
    const body = await readText(request);
    const fault = route === undefined ? undefined : this.#faults.take(route.name);
    if (fault !== undefined && !(await this.#before(fault, seen.route))) {
      if (fault.kind === "reset") request.socket.resetAndDestroy();
      return;
    }
    const call: Call = {
      method,
      url,
      params: Object.fromEntries(
        Object.entries(route?.pattern.exec(path)?.groups ?? {}).map(([name, value]) => [name, decode(value)]),
      ),
      headers: request.headers,
      body,
    };
    const reply = replyOf(fault, this.#world) ?? (await this.#handle(route, call, api));
    if (fault !== undefined) await this.#after(fault, seen.route);
    if (fault?.kind === "lost-answer") {
      request.socket.resetAndDestroy();
      return;
    }
    seen.status = reply.status;
    const headers = { ...this.#headers(request, api), ...reply.headers };
    response.sendDate = false;
    response.writeHead(reply.status, headers).end(reply.body);
  }

  async #handle(route: Route | undefined, call: Call, api: boolean): Promise<Reply> {
    try {
      if (api && (call.headers["user-agent"] ?? "") === "") return withoutUserAgent();
      const version = call.headers["x-github-api-version"];
      if (api && typeof version === "string" && !API_VERSIONS.includes(version)) {
        return json(400, { message: `${version} is not a supported API version`, status: "400" });
      }
      if (api && this.#spend(call.headers.authorization ?? "")) {
        return primaryLimit(403);
      }
      if (route === undefined) {
        return json(404, { message: "Not Found", documentation_url: "https://docs.github.com/rest", status: "404" });
      }
      return await route.handle(call);
    } catch (error) {
      if (error instanceof Refusal) return error.reply;
      return json(500, { message: "Server Error", detail: error instanceof Error ? error.stack : String(error) });
    }
  }

  /** Whether the request may go on now. */
  async #before(fault: Fault, route: string): Promise<boolean> {
    if (fault.kind === "hang" || fault.kind === "reset") return false;
    if (fault.kind === "delay" && fault.afterWork !== true) await delay(fault.ms);
    if (fault.kind === "hold" && fault.afterWork !== true) await this.#faults.hold(route);
    return true;
  }

  async #after(fault: Fault, route: string): Promise<void> {
    if (fault.kind === "delay" && fault.afterWork === true) await delay(fault.ms);
    if (fault.kind === "hold" && fault.afterWork === true) await this.#faults.hold(route);
  }

  /** Count a request; true when there were too many within the hour. */
  #spend(who: string): boolean {
    const now = this.#world.now();
    const before = this.#limits.get(who);
    const limit = before === undefined || before.resetAtMs <= now ? { used: 0, resetAtMs: now + HOUR_MS } : before;
    this.#limits.set(who, limit);
    if (limit.used >= this.#world.settings.hourlyLimit) return true;
    limit.used += 1;
    return false;
  }

  #headers(request: IncomingMessage, api: boolean): Record<string, string> {
    const now = this.#world.now();
    const date = new Date(now).toUTCString();
    const id = randomUUID().slice(0, 23).toUpperCase().replaceAll("-", ":");
    if (!api) return { date, server: "github.com", "x-github-request-id": id };
    const { hourlyLimit } = this.#world.settings;
    const limit = this.#limits.get(request.headers.authorization ?? "") ?? { used: 0, resetAtMs: now + HOUR_MS };
    const version = request.headers["x-github-api-version"];
    return {
      date,
      server: "github.com",
      "x-github-request-id": id,
      "x-github-media-type": "github.v3; format=json",
      "x-github-api-version-selected": typeof version === "string" ? version : DEFAULT_API_VERSION,
      "x-ratelimit-limit": String(hourlyLimit),
      "x-ratelimit-remaining": String(Math.max(0, hourlyLimit - limit.used)),
      "x-ratelimit-used": String(limit.used),
      "x-ratelimit-reset": String(Math.ceil(limit.resetAtMs / 1000)),
      "x-ratelimit-resource": "core",
      "access-control-allow-origin": "*",
      ...(this.#world.ghes ? { "x-github-enterprise-version": "enterprise-server@3.20.1" } : {}),
    };
  }
}

/** The answer that a fault is, if it is one. https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api */
function replyOf(fault: Fault | undefined, world: World): Reply | null {
  if (fault?.kind === "answer") {
    if (typeof fault.body === "string") return { status: fault.status, headers: fault.headers ?? {}, body: fault.body };
    return json(fault.status, fault.body ?? { message: "Server Error" }, fault.headers);
  }
  if (fault?.kind === "primary-limit") {
    const resetAtS = Math.ceil(world.now() / 1000) + (fault.resetInSeconds ?? 3600);
    return primaryLimit(fault.status ?? 403, resetAtS);
  }
  if (fault?.kind !== "secondary-limit") return null;
  const body = {
    documentation_url:
      "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits",
    message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
  };
  const { retryAfterSeconds } = fault;
  return json(
    fault.status ?? 403,
    body,
    retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) },
  );
}

/** `resetAtS` where a fault says it; the service's own count otherwise. */
function primaryLimit(status: number, resetAtS?: number): Reply {
  const body = {
    message: "API rate limit exceeded for installation.",
    documentation_url: "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api",
    status: String(status),
  };
  return json(status, body, {
    "x-ratelimit-remaining": "0",
    ...(resetAtS === undefined ? {} : { "x-ratelimit-reset": String(resetAtS) }),
  });
}

function withoutUserAgent(): Reply {
  return {
    status: 403,
    headers: { "content-type": "text/html; charset=utf-8" },
    body: "\r\nRequest forbidden by administrative rules. Please make sure your request has a User-Agent header (https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required). Check https://developer.github.com for other possible causes.\r\n",
  };
}

function withoutSecrets(request: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (name === "cookie" || value === undefined) continue;
    headers[name] = name === "authorization" ? (String(value).split(" ")[0] ?? "") : String(value);
  }
  return headers;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
