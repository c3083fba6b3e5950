import { Secret } from "./crypto/secret.ts";

export type LogValue = string | number | boolean | null | Secret | undefined;
export type LogFields = Record<string, LogValue>;
export type LogLevel = "info" | "warn" | "error";

/** Writes what happened, for the operator. `event` is a literal of this code base; everything else is a field. */
export interface Logger {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

const MAX_TEXT_LENGTH = 500;
const REDACTED = "[redacted]";

/** One JSON object a line, without credentials and without characters that a terminal or viewer would act on. */
export function createLogger(write: (line: string, level: LogLevel) => void, base: LogFields = {}): Logger {
  const logAt =
    (level: LogLevel) =>
    (event: string, fields: LogFields = {}) =>
      write(formatLine(level, event, base, fields), level);
  return { info: logAt("info"), warn: logAt("warn"), error: logAt("error") };
}

/** The platform's log (Workers Logs parses a JSON line into searchable fields). */
export function consoleLogger(): Logger {
  return createLogger((line, level) => console[level](line));
}

/** Written member by member: there is a line for every request, and most of each has been written before. */
function formatLine(level: LogLevel, event: string, base: LogFields, fields: LogFields): string {
  let line = `{"level":"${level}","event":${jsonText(event)}`;
  for (const name of Object.keys(base)) if (!Object.hasOwn(fields, name)) line += jsonMember(name, base[name]);
  for (const name of Object.keys(fields)) line += jsonMember(name, fields[name]);
  return `${line}}`;
}

function jsonMember(name: string, value: LogValue): string {
  // A field must not pass itself off as the line's own level or event.
  if (value === undefined || name === "level" || name === "event") return "";
  return `,${jsonText(name)}:${isSecretName(name) ? `"${REDACTED}"` : jsonValue(value)}`;
}

function jsonValue(value: Exclude<LogValue, undefined>): string {
  if (typeof value === "string") return jsonText(value);
  if (value === null || typeof value === "number" || typeof value === "boolean") return JSON.stringify(value);
  // Only a cast gets past Secret: an object's insides are not ours to judge.
  return value instanceof Secret ? `"${value}"` : '"[unsupported]"';
}

/** A text as it may be shown, in JSON. */
function jsonText(text: string): string {
  const known = knownTexts.get(text);
  if (known !== undefined) return known;
  // The one text that every request has for itself.
  if (REQUEST_ID.test(text)) return `"${text}"`;
  const clean = SUSPECTS.some((pattern) => pattern.test(text)) ? redact(text) : text;
  // Redaction comes first: a cut credential would no longer look like one.
  const short = clean.length <= MAX_TEXT_LENGTH ? clean : `${clean.slice(0, MAX_TEXT_LENGTH - 1)}…`;
  const json = inert(JSON.stringify(short));
  if (clean === text && text.length <= MAX_KNOWN_LENGTH) {
    if (knownTexts.size >= MAX_KNOWN_TEXTS) knownTexts.clear();
    knownTexts.set(text, json);
  }
  return json;
}

const REQUEST_ID = /^req_[0-9a-z]{20}$/;

/** How short texts with nothing to replace are written: the names, ids, routes and words that most lines repeat. */
const knownTexts = new Map<string, string>();
const MAX_KNOWN_TEXTS = 2_000;
const MAX_KNOWN_LENGTH = 80;

function redact(text: string): string {
  const redacted = CREDENTIALS.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), text);
  return LONG_RUNS.reduce(
    (rest, pattern) => rest.replace(pattern, (run) => (looksRandom(run) ? REDACTED : run)),
    redacted,
  );
}

/** Shapes of credentials, wherever they stand in a text. */
const CREDENTIALS: [RegExp, string][] = [
  [/-----BEGIN [A-Z0-9 ]+-----[\s\S]*?(?:-----END [A-Z0-9 ]+-----|$)/g, REDACTED],
  [/eyJ[\w-]{6,}(?:\.[\w-]*)*/g, REDACTED],
  [/\b(Bearer|DPoP)\s+[^\s"',;]+/gi, `$1 ${REDACTED}`],
  [/\b(Basic)\s+[A-Za-z0-9+/_-]{8,}={0,2}/gi, `$1 ${REDACTED}`],
  [/(?<![A-Za-z0-9])(?:vk_|gh[a-z]_|github_pat_|xox[a-z][.-]|xapp-)[\w.-]+/g, REDACTED],
  [
    /(?<![A-Za-z0-9])(?:[rs]k_(?:live|test)_|whsec_|glpat-|shp[a-z]{2}_|AIza|ya29\.|A[KS]IA[A-Z0-9])[\w.+/=-]{8,}/g,
    REDACTED,
  ],
  // Query and form parameters, and the userinfo of a URL.
  [/\b((?:\w*(?:token|secret|password|assertion|verifier|code)|state|sig|signature)=)[^&\s"']+/gi, `$1${REDACTED}`],
  [/(\/\/)[^\s/@]+@/g, `$1${REDACTED}@`],
];

/** Base64 before base64url: its `+` and `/` would leave the ends of a run too short to be noticed. */
const LONG_RUNS = [/[A-Za-z0-9+/]{40,}={0,2}/g, /[\w-]{40,}/g];

/** The same for a mere look: most texts hold nothing to replace. One by one, each is far faster than their alternation. */
const SUSPECTS = [...CREDENTIALS.map(([pattern]) => pattern), ...LONG_RUNS].map(
  ({ source, flags }) => new RegExp(source, flags.replace("g", "")),
);

/** Joined words and paths are mostly lower-case letters; keys, hashes and tokens of this length never are. */
function looksRandom(run: string): boolean {
  const [lower, upper, digit] = [/[a-z]/.test(run), /[A-Z]/.test(run), /\d/.test(run)];
  return run.includes("/") ? lower && upper && digit : digit || (lower && upper);
}

const SECRET_NAME =
  /token|secret|passw|passphrase|authorization|cookie|code|verifier|assertion|credential|bearer|jwt|(?:api|private|master|signing|secret)key|session/;
/** Names that only sound like secrets. A new one is added here by hand, never by a pattern. */
const PUBLIC_NAMES = new Set([
  "authorizationId",
  "errorCode",
  "secretsGeneration",
  "secretsKid",
  "statusCode",
  "tokenCount",
  "tokenExpiresAtMs",
  "tokenGroupId",
  "tokenId",
  "tokensFound",
  "tokenType",
  "vendorCode",
]);

function isSecretName(name: string): boolean {
  if (PUBLIC_NAMES.has(name) || plainNames.has(name)) return false;
  if (SECRET_NAME.test(name.toLowerCase().replace(/[^a-z0-9]/g, ""))) return true;
  if (plainNames.size < MAX_PLAIN_NAMES) plainNames.add(name);
  return false;
}

/** Names that are no secret's: literals of this code base, so the same few every time. */
const plainNames = new Set<string>();
const MAX_PLAIN_NAMES = 200;

/** JSON leaves DEL, C1, line separators and format characters (bidi among them) as they are; in JSON text `\u…` means the same. */
function inert(json: string): string {
  return json.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from({ length: character.length }, (_, index) => {
      return `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`;
    }).join(""),
  );
}
