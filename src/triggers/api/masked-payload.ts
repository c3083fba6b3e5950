/** Deeper members are left out. */
const MAX_DEPTH = 32;

/**
 * A payload as it may be shown to whoever may see that there was one: its members and what they hold, but of texts only
 * how long they are. JSON and forms; null for anything else.
 */
export function maskedPayload(bytes: Uint8Array, contentType: string | null): unknown {
  const mediaType = (contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  const text = new TextDecoder().decode(bytes);
  if (mediaType === "application/x-www-form-urlencoded") {
    return Object.fromEntries([...new URLSearchParams(text)].map(([name, value]) => [name, maskedText(value)]));
  }
  try {
    return masked(JSON.parse(text), MAX_DEPTH);
  } catch {
    return null;
  }
}

function masked(value: unknown, depthLeft: number): unknown {
  if (typeof value === "string") return maskedText(value);
  if (typeof value !== "object" || value === null) return value;
  if (depthLeft === 0) return "[deeper]";
  if (Array.isArray(value)) return value.map((item) => masked(item, depthLeft - 1));
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, masked(member, depthLeft - 1)]));
}

function maskedText(text: string): string {
  return `[${text.length} characters]`;
}
