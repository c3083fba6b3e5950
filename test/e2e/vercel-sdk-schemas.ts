import { isObject, type Json } from "./http.ts";

/** The members that an object schema of the typed client knows; it is wrapped where it renames some. */
export function fieldsOf(schema: unknown): string[] {
  if (isObject(schema) && isObject(schema.shape)) return Object.keys(schema.shape).toSorted();
  if (isObject(schema) && isObject(schema._def) && "schema" in schema._def) return fieldsOf(schema._def.schema);
  throw new TypeError("not an object schema of the typed client");
}

export function sortedKeys(...values: object[]): string[] {
  return [...new Set(values.flatMap((value) => Object.keys(value)))].toSorted();
}

/** As metadata goes over the wire: RFC 8414 §2, RFC 7517 §4.3. */
export function wire(config: object): Json {
  const snake = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const renamed = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(renamed)
      : isObject(value)
        ? Object.fromEntries(Object.entries(value).map(([name, member]) => [snake(name), renamed(member)]))
        : value;
  const value = renamed({ ...config });
  return isObject(value) ? value : {};
}
