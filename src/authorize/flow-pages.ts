import { ApiError, unwrap } from "../errors.ts";
import type { Answer, Endpoint, Input } from "../http/endpoint.ts";
import type { Services } from "../services.ts";
import type { Database } from "../store/database.ts";
import { browserOf, cookieOfForm } from "./browser.ts";
import { seeOther } from "./callback.ts";
import { type DecisionForm, decisionForm } from "./decision-form.ts";
import type { Flow } from "./flow.ts";
import { browserEndpoint, failurePage, isOwnHost, requireOwnForm } from "./page-answer.ts";
import { pageUrl } from "./page-url.ts";
import { type Browser, judgeVisit, type Progress } from "./transitions.ts";

/** A browser's decision on a request that is open, and its own to decide. */
export interface Decision<Request> {
  request: Request;
  form: DecisionForm;
  /** Of that browser, as it will be set. */
  cookie: string;
  browser: Browser;
}

/** What the pages of one kind of request say and do. */
interface Kind<Request> {
  find(db: Database, id: string): Promise<Request | null>;
  /** How it ended, for the browser that was there. */
  ended(request: Request, services: Services): Promise<Answer>;
  /** Who asks for what. */
  asks(request: Request, input: Input<unknown, unknown>): Promise<Answer>;
  decided(decision: Decision<Request>, input: Input<unknown, unknown>): Promise<Answer>;
}

/** `GET` and `POST` of a request's page: only the browser that has the request sees how it goes on, and moves it. */
export function flowPages<Request extends Flow & Progress>(kind: Kind<Request>): { show: Endpoint; decide: Endpoint } {
  async function required({ services, params }: Input<unknown, unknown>): Promise<Request> {
    const request = await kind.find(services.db, params.id ?? "");
    if (request === null) throw new ApiError("not_found");
    return request;
  }
  return {
    show: browserEndpoint({
      async handle(input) {
        const { services, params, headers } = input;
        if (!isOwnHost(input.request.url, services)) return seeOther(pageUrl(params.id ?? "", services));
        const request = await required(input);
        const visit = judgeVisit(request, await browserOf(headers, request.id, services), services.now());
        if ("refuse" in visit) return failurePage({ code: visit.refuse }, input.requestId);
        return visit.go === "ended" ? kind.ended(request, services) : kind.asks(request, input);
      },
    }),
    decide: browserEndpoint({
      rawBody: { maxBytes: 16 * 1024, mediaTypes: ["application/x-www-form-urlencoded"] },
      async handle(input) {
        const { services, headers } = input;
        if (!isOwnHost(input.request.url, services)) throw new ApiError("csrf", { reason: "host" });
        requireOwnForm(headers, services);
        const form = unwrap(decisionForm(input.body));
        const request = await required(input);
        const cookie = await cookieOfForm(form.token, request.id, services);
        const browser = await browserOf(headers, request.id, services, cookie);
        const visit = judgeVisit(request, browser, services.now());
        if ("refuse" in visit) return failurePage({ code: visit.refuse }, input.requestId);
        if (visit.go === "ended") return kind.ended(request, services);
        return kind.decided({ request, form, cookie, browser }, input);
      },
    }),
  };
}
