import * as z from "zod/mini";
import { requireTeamId } from "../connectors/driver-context.ts";
import { ApiError, unwrap } from "../errors.ts";
import { managementEndpoint } from "../http/endpoint.ts";
import { foreignId } from "../http/fields.ts";
import { decodeCursor, pageQuery, paginate } from "../http/pagination.ts";
import { checkUrl } from "../outbound/url-policy.ts";
import type { Services } from "../services.ts";
import { orConflict } from "../store/conflict.ts";
import { newId } from "../store/ids.ts";
import { canonicalKey } from "./claim-path.ts";
import { pinIssuerKeys } from "./issuer-discovery.ts";
import { loginCredentials, makeLogin, setLogin } from "./issuer-login.ts";
import { deleteIssuer, insertIssuer, listIssuers, type RegisteredIssuer } from "./issuer-store.ts";
import { issuerToWire } from "./issuer-wire.ts";
import { MAX_KEYS, SUPPORTED_ALGORITHMS } from "./jwks-keys.ts";
import { ISSUER_PRESETS, type IssuerPresetName, issuerPreset, presetJwksUri } from "./presets.ts";

/** `Object.keys` types its answer as any strings. */
const PRESET_NAMES = Object.keys(ISSUER_PRESETS) as IssuerPresetName[];
const DAY_SECONDS = 24 * 3600;

const createBody = z.strictObject({
  issuer: z.string().check(z.minLength(1), z.maxLength(2048)),
  audience: foreignId,
  preset: z.optional(z.enum(PRESET_NAMES)),
  selectorClaim: z.optional(
    z.string().check(
      z.minLength(1),
      z.maxLength(200),
      z.refine((key) => canonicalKey(key) !== null, "must be a claim name or a JSON Pointer (RFC 6901)"),
    ),
  ),
  algorithms: z.optional(
    z.array(z.enum(SUPPORTED_ALGORITHMS)).check(z.minLength(1), z.maxLength(SUPPORTED_ALGORITHMS.length)),
  ),
  jwksUri: z.optional(z.string().check(z.maxLength(2048))),
  jwks: z.optional(z.strictObject({ keys: z.array(z.looseObject({ kty: z.string() })).check(z.maxLength(MAX_KEYS)) })),
  maxTokenAgeSeconds: z.optional(z.int().check(z.gte(60), z.lte(DAY_SECONDS))),
  oneTimeTokens: z.optional(z.boolean()),
  login: z.optional(loginCredentials),
});

export const createIssuer = managementEndpoint("admin", {
  creates: true,
  body: createBody,
  async handle({ services, body }) {
    if (body.jwks !== undefined && body.jwksUri !== undefined) {
      throw new ApiError("bad_request", { message: "Give jwks or jwksUri, not both." });
    }
    const { issuer, jwks } = body;
    checkIssuerName(issuer, jwks === undefined && body.jwksUri === undefined, services);
    const preset = issuerPreset(body.preset ?? null);
    const algorithms = [...new Set(body.algorithms ?? preset.algorithms)];
    const jwksUri = body.jwksUri ?? presetJwksUri(body.preset ?? null, issuer);
    const pinned = unwrap(await pinIssuerKeys({ issuer, algorithms, jwks, jwksUri }, services.fetch));
    const now = services.now();
    const registered: RegisteredIssuer = {
      id: newId("iss", services.randomBytes),
      issuer,
      audience: body.audience,
      preset: body.preset ?? null,
      selectorClaim: body.selectorClaim ?? preset.selectorClaim,
      algorithms,
      maxTokenAgeMs: body.maxTokenAgeSeconds === undefined ? preset.maxTokenAgeMs : body.maxTokenAgeSeconds * 1000,
      oneTimeTokens: body.oneTimeTokens ?? false,
      ...pinned,
      jwksFetchedAtMs: now,
      createdAtMs: now,
      login: null,
    };
    const place = { teamId: await requireTeamId(services), generation: 1 };
    const login = body.login === undefined ? null : unwrap(await makeLogin(registered, body.login, place, services));
    await orConflict(insertIssuer(services.db, registered), "issuer: it is registered already.");
    if (login !== null) await setLogin(services.db, registered.id, login);
    return { status: 201, body: issuerToWire({ ...registered, login: login?.login ?? null }) };
  },
});

export const getIssuers = managementEndpoint("viewer", {
  query: z.object(pageQuery(50)),
  async handle({ services, query }) {
    const rows = await listIssuers(services.db, decodeCursor(query.cursor, "string"), query.limit + 1);
    const { page, pagination } = paginate(rows, query.limit, (row) => ({ key: row.issuer, id: row.id }));
    return { status: 200, body: { issuers: page.map(issuerToWire), pagination } };
  },
});

/** Takes effect within the minute for which an isolate may lease what it read. */
export const removeIssuer = managementEndpoint("admin", {
  async handle({ services, params }) {
    if (!(await deleteIssuer(services.db, params.id ?? ""))) throw new ApiError("not_found");
    return { status: 204 };
  },
});

/**
 * Our own name is nobody else's to register. An issuer that will be fetched from must pass the URL policy; one whose
 * keys come from elsewhere (a cluster's internal name) is only a name, but an https one still.
 */
function checkIssuerName(issuer: string, fetched: boolean, { settings, urlPolicy }: Services): void {
  if (issuer === settings.publicOrigin) {
    throw new ApiError("conflict", { message: "issuer: this deployment's own tokens are trusted already." });
  }
  const allowed = checkUrl(issuer, urlPolicy);
  if (fetched) unwrap(allowed);
  const url = URL.parse(issuer);
  if (!allowed.ok && url?.protocol !== "https:") unwrap(allowed);
  if (url?.search || url?.hash || issuer.includes("?") || issuer.includes("#")) {
    throw new ApiError("bad_request", { message: "issuer: must have neither query nor fragment." });
  }
}
