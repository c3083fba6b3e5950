export type Json = { [name: string]: unknown };

export interface Call {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  /** Bearer credential. */
  token?: string;
  body?: Json;
  headers?: Record<string, string>;
}

export interface Answer {
  status: number;
  headers: Headers;
  /** `{}` where there is no body. */
  body: Json;
}

/** One request over plain HTTP, whatever its status. */
export async function send(origin: string, { method, path, token, body, headers = {} }: Call): Promise<Answer> {
  const response = await fetch(origin + path, {
    method,
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(60_000),
  });
  return { status: response.status, headers: response.headers, body: parseObject(await response.text()) };
}

export function parseObject(text: string): Json {
  const value: unknown = text === "" ? {} : JSON.parse(text);
  if (!isObject(value)) throw new Error(`not a JSON object: ${text.slice(0, 200)}`);
  return value;
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A member that must be text; `a.b` reaches into objects. */
export function text(from: Json, path: string): string {
  const value = path.split(".").reduce<unknown>((at, name) => (isObject(at) ? at[name] : undefined), from);
  if (typeof value === "string" && value !== "") return value;
  throw new Error(`no text at ${path} in ${JSON.stringify(from)}`);
}
