/** First match wins. */
const TAGS: [pattern: RegExp, tag: string][] = [
  [/\/token\/:c$|\/tokens$/, "Tokens"],
  [/^\/authorize|callback\/|\/connect\/(authorize|complete|result)/, "Authorizations"],
  [/\/connectors\/:c\/(triggers|trigger-destinations|destinations)/, "Triggers"],
  [/\/connect\/(events|deliveries|replays|dead-letters)/, "Triggers"],
  [/\/connectors\/:c\/projects|\/projects\/:p\/connectors/, "Links"],
  [/^\/hooks/, "Webhooks"],
  [/\/connectors/, "Connectors"],
  [/^\/v2\/files|^\/icons/, "Icons"],
  [/^\/v1\/projects/, "Projects"],
  [/^\/v1\/issuer/, "Issuers and keys"],
  [/^\/v1\/keys/, "Issuers and keys"],
  [/^\/v1\//, "Team"],
];

/** The heading under which a route stands. */
export function tagOf(pattern: string): string {
  return TAGS.find(([matches]) => matches.test(pattern))?.[1] ?? "Deployment";
}

/** A name for generated clients: unique because the method and every segment of the path are in it. */
export function operationId(method: string, pattern: string): string {
  const words = pattern.split(/[/.-]/).filter((word) => word !== "");
  return method.toLowerCase() + words.map((word) => capitalized(word.replace(/^:/, "By-"))).join("");
}

function capitalized(text: string): string {
  return text
    .split(/[-_]/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");
}

/** What a path parameter means. */
export function parameterText(name: string): string {
  switch (name) {
    case "p":
      return "A project's id or slug.";
    case "c":
      return "A connector's id, or its uid as one path segment (`acme%2Fmail`).";
    case "ingressId":
      return "Where this connector's provider sends its events: the last part of its `ingressUrl`.";
    case "digest":
      return "SHA-1 of the icon, in hex.";
    default:
      return "The id of what stands before it.";
  }
}
