import { fail, ok, type Result } from "../../errors.ts";
import { METADATA_MAX_BYTES, parseJson } from "../../outbound/guarded-fetch.ts";
import { checkUrl } from "../../outbound/url-policy.ts";
import { invalidConfig } from "../connector-data.ts";
import type { DriverDeps } from "../driver.ts";
import { type ServerMetadata, serverMetadata } from "./server-metadata.ts";

/** What one well-known document turned out to be. Problems are whole sentences about it. */
type Candidate =
  | { kind: "found"; server: ServerMetadata }
  | { kind: "other-issuer"; problem: string }
  | { kind: "unusable"; problem: string; serverDown: boolean };

/** Per document; a server that hangs is not asked for the next one. */
const TIMEOUT_MS = 5000;

/**
 * The authorization server's metadata, from the first well-known document of `metadataUrls` whose `issuer` is
 * byte for byte the URL that was asked (RFC 8414 §3.3). Fails with `url_not_allowed`, `issuer_mismatch`, or
 * `invalid_config` whose message lists what each document lacked and what to do.
 */
export async function discover(
  serverUrl: string,
  deps: Pick<DriverDeps, "fetch" | "urlPolicy">,
): Promise<Result<ServerMetadata>> {
  const allowed = checkUrl(serverUrl, deps.urlPolicy);
  if (!allowed.ok) return allowed;
  if (allowed.value.search !== "") {
    return invalidConfig("data.serverUrl must not have a query: issuers have none.");
  }
  const candidates: Exclude<Candidate, { kind: "found" }>[] = [];
  for (const url of metadataUrls(allowed.value)) {
    const candidate = await readCandidate(url, serverUrl, deps);
    if (candidate.kind === "found") return ok(candidate.server);
    candidates.push(candidate);
    if (candidate.kind === "unusable" && candidate.serverDown) break;
  }
  const mismatch = candidates.find((candidate) => candidate.kind === "other-issuer");
  if (mismatch !== undefined) return fail("issuer_mismatch", { message: mismatch.problem });
  const problems = candidates.map(({ problem }) => problem).join(" ");
  return invalidConfig(
    `No usable metadata was found for data.serverUrl. ${problems} Correct data.serverUrl, or give the endpoints in data.serverConfig.`,
  );
}

/**
 * Where metadata may be, in the order of the MCP authorization specification: RFC 8414 insertion, OpenID Connect
 * insertion, OpenID Connect appending. The last two are the same place for an issuer without a path.
 */
export function metadataUrls(issuer: URL): string[] {
  const path = issuer.pathname.replace(/\/$/, "");
  const urls = [
    `${issuer.origin}/.well-known/oauth-authorization-server${path}`,
    `${issuer.origin}/.well-known/openid-configuration${path}`,
    `${issuer.origin}${path}/.well-known/openid-configuration`,
  ];
  return [...new Set(urls)];
}

async function readCandidate(url: string, issuer: string, deps: Pick<DriverDeps, "fetch">): Promise<Candidate> {
  const where = `${new URL(url).pathname}:`;
  const unusable = (problem: string, serverDown = false): Candidate => {
    return { kind: "unusable", problem: `${where} ${problem}`, serverDown };
  };

  const response = await deps.fetch({ url, maxBytes: METADATA_MAX_BYTES, timeoutMs: TIMEOUT_MS });
  if (!response.ok) {
    const { code } = response.failure;
    return unusable(`${code}.`, code === "upstream_timeout" || code === "upstream_unreachable");
  }
  if (response.value.status !== 200) return unusable(`status ${response.value.status}.`);
  const json = parseJson(response.value);
  if (!json.ok) return unusable("not a JSON document.");
  const parsed = serverMetadata.safeParse(withoutNulls(json.value));
  if (!parsed.success) {
    const members = new Set(parsed.error.issues.map(({ path }) => String(path[0] ?? "document")));
    return unusable(`bad ${[...members].join(", ")}.`);
  }
  // Compared as text: as URLs, a default port, another case or a root slash would make two issuers one.
  if (parsed.data.issuer !== issuer) {
    return {
      kind: "other-issuer",
      problem:
        `${where} the document's issuer is not exactly data.serverUrl. ` +
        "Give the issuer as the provider publishes it, with the same case and the same trailing slash or none.",
    };
  }
  return { kind: "found", server: parsed.data };
}

/** Some servers publish null or empty text for what they do not have. */
function withoutNulls(document: unknown): unknown {
  if (typeof document !== "object" || document === null || Array.isArray(document)) return document;
  return Object.fromEntries(Object.entries(document).filter(([, value]) => value !== null && value !== ""));
}
