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
export function createLogger(write: (line: string, level: LogLevel) => void, base?: LogFields): Logger {
  const logAt =
    (level: LogLevel) =>
    (event: string, fields: LogFields = {}) =>
      write(formatLine(level, event, base === undefined ? fields : { ...base, ...fields }), level);
  return { info: logAt("info"), warn: logAt("warn"), error: logAt("error") };
}

/** The platform's log (Workers Logs parses a JSON line into searchable fields). */
export function consoleLogger(): Logger {
  return createLogger((line, level) => console[level](line));
}

function formatLine(level: LogLevel, event: string, fields: LogFields): string {
  const plain = isPlainText(event) && arePlain(fields);
  if (plain) return JSON.stringify({ level, event, ...fields });
  return inert(JSON.stringify({ level, event: cleanText(event), ...clean(fields) }));
}

/** Whether these fields can be shown as they are. Those of most lines can: there is one for every request. */
function arePlain(fields: LogFields): boolean {
  for (const name in fields) {
    if (!isPlainName(name)) return false;
    const value = fields[name];
    if (typeof value === "string" ? !isPlainText(value) : typeof value === "object" && value !== null) return false;
  }
  return true;
}

function clean(fields: LogFields): Record<string, unknown> {
  const cleaned: Record<string, unknown> = Object.create(null);
  for (const [name, value] of Object.entries(fields)) {
    // A field must not pass itself off as the line's own level or event.
    if (!RESERVED.has(name)) cleaned[cleanText(name)] = isSecretName(name) ? REDACTED : cleanValue(value);
  }
  return cleaned;
}

const RESERVED = new Set(["level", "event"]);

/** Names that are no secret's and read the same when cleaned: literals of this code base, so the same few every time. */
const plainNames = new Set<string>();
const MAX_PLAIN_NAMES = 200;

function isPlainName(name: string): boolean {
  if (plainNames.has(name)) return true;
  const plain = /^[a-zA-Z]+$/.test(name) && !RESERVED.has(name) && !isSecretName(name) && cleanText(name) === name;
  if (plain && plainNames.size < MAX_PLAIN_NAMES) plainNames.add(name);
  return plain;
}

/** Short texts with nothing to replace: the ids, routes and words that most lines repeat. */
const plainTexts = new Set<string>();
const MAX_PLAIN_TEXTS = 2_000;
const MAX_PLAIN_LENGTH = 80;
/** The one text that every request has for itself. */
const REQUEST_ID = /^req_[0-9a-z]{20}$/;

function isPlainText(text: string): boolean {
  if (plainTexts.has(text) || REQUEST_ID.test(text)) return true;
  const plain = text.length <= MAX_PLAIN_LENGTH && cleanText(text) === text && inert(text) === text;
  if (!plain) return false;
  if (plainTexts.size >= MAX_PLAIN_TEXTS) plainTexts.clear();
  plainTexts.add(text);
  return true;
}

function cleanValue(value: LogValue): string | number | boolean | null | undefined {
  if (typeof value === "string") return cleanText(value);
  if (value instanceof Secret) return String(value);
  if (value === null || value === undefined || typeof value === "number" || typeof value === "boolean") return value;
  // Only a cast gets here: an object's insides are not ours to judge.
  return "[unsupported]";
}

/** Redaction comes first: a cut credential would no longer look like one. */
function cleanText(text: string): string {
  const clean = SUSPECTS.some((pattern) => pattern.test(text)) ? redact(text) : text;
  return clean.length <= MAX_TEXT_LENGTH ? clean : `${clean.slice(0, MAX_TEXT_LENGTH - 1)}…`;
}

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
  "authorizationRequest",
  "authorizationRequests",
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
  return !PUBLIC_NAMES.has(name) && SECRET_NAME.test(name.toLowerCase().replace(/[^a-z0-9]/g, ""));
}

/** JSON leaves DEL, C1, line separators and format characters (bidi among them) as they are; in JSON text `\u…` means the same. */
function inert(json: string): string {
  return json.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from({ length: character.length }, (_, index) => {
      return `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`;
    }).join(""),
  );
}
