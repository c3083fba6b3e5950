import { performance } from "node:perf_hooks";
import type { Shown } from "./transcript.ts";

export type Json = { [name: string]: unknown };

export interface Call {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  /** Bearer credential. */
  token?: string;
  body?: Json;
  headers?: Record<string, string>;
  expect: number;
  show?: (answer: Json) => Shown["fields"];
}

/** Make one call over plain HTTP; throws when the status is not the expected one, with the answer's own words. */
export async function request(origin: string, call: Call): Promise<{ value: Json; shown: Shown }> {
  const startedMs = performance.now();
  const response = await fetch(origin + call.path, {
    method: call.method,
    headers: {
      ...(call.body === undefined ? {} : { "content-type": "application/json" }),
      ...(call.token === undefined ? {} : { authorization: `Bearer ${call.token}` }),
      ...call.headers,
    },
    body: call.body === undefined ? null : JSON.stringify(call.body),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  const elapsedMs = performance.now() - startedMs;
  if (response.status !== call.expect) {
    throw new Error(
      `${call.method} ${call.path} answered ${response.status}, not ${call.expect}: ${text.slice(0, 500)}`,
    );
  }
  const value = parseObject(text);
  const { method, path } = call;
  return { value, shown: { method, path, status: response.status, elapsedMs, fields: call.show?.(value) ?? {} } };
}

function parseObject(text: string): Json {
  const value: unknown = text === "" ? {} : JSON.parse(text);
  if (!isObject(value)) throw new Error("The answer is not a JSON object.");
  return value;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A member that must be there, as text; `a.b` reaches into objects. */
export function text(answer: Json, path: string): string {
  const value = path.split(".").reduce<unknown>((at, name) => (isObject(at) ? at[name] : undefined), answer);
  if (typeof value === "string" && value !== "") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return value.join(" ");
  throw new Error(`The answer has no ${path}.`);
}
