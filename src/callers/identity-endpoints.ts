import * as z from "zod/mini";
import { ApiError, unwrap } from "../errors.ts";
import { managementEndpoint } from "../http/endpoint.ts";
import { decodeCursor, pageQuery, paginate } from "../http/pagination.ts";
import { requireEnvironment } from "../projects/environment-store.ts";
import { requireProject } from "../projects/project-store.ts";
import { newId } from "../store/ids.ts";
import { checkRuleClaims, rulesOverlap, sameIdentity, selectorValueOfRule } from "./identity-rules.ts";
import {
  deleteIdentity,
  insertIdentity,
  listIdentities,
  MAX_RULES_PER_SELECTOR,
  type RegisteredIdentity,
  rulesOfSelector,
} from "./identity-store.ts";
import type { IdentityRule } from "./issuer-record.ts";
import { findIssuer } from "./issuer-store.ts";

/** How often a rule is judged again when another one was written meanwhile. */
const INSERT_TRIES = 5;

export const createIdentity = managementEndpoint("admin", {
  creates: true,
  body: z.strictObject({
    issuer: z.string().check(z.maxLength(2048)),
    environment: z.string().check(z.maxLength(100)),
    claims: z.record(z.string(), z.unknown()),
  }),
  async handle({ services, params, body }) {
    const { db } = services;
    const project = await requireProject(db, params.p);
    const environment = await requireEnvironment(db, project.id, body.environment);
    const issuer = await findIssuer(db, body.issuer);
    if (issuer === null) {
      throw new ApiError("bad_request", {
        message: "issuer: not registered here. Register it first, or correct the value: it must be the exact 'iss'.",
      });
    }
    const claims = unwrap(checkRuleClaims(body.claims));
    const selectorValue = selectorValueOfRule({ claims }, issuer.selectorClaim);
    if (selectorValue === null) {
      throw new ApiError("bad_request", {
        message: `claims: must pin '${issuer.selectorClaim}', which tells this issuer's workloads apart.`,
      });
    }
    const identity: RegisteredIdentity = {
      id: newId("idn", services.randomBytes),
      issuer: issuer.issuer,
      projectId: project.id,
      environment: environment.id,
      claims,
      createdAtMs: services.now(),
    };
    const rule = { ...identity, issuerId: issuer.id, selectorValue };
    for (let attempt = 1; attempt <= INSERT_TRIES; attempt++) {
      const peers = await rulesOfSelector(db, issuer.id, selectorValue);
      // Judged before it is written: a rule that is refused must not hold for a moment, nor be leased for a minute.
      const objection = objectionTo(identity, peers, issuer.selectorClaim);
      if (objection !== null) throw new ApiError("conflict", { message: objection });
      if (await insertIdentity(db, rule, peers)) return { status: 201, body: toWire(identity) };
    }
    throw new ApiError("conflict", { message: "The rules are being changed by others. Repeat the request." });
  },
});

function objectionTo(identity: RegisteredIdentity, peers: IdentityRule[], selectorClaim: string): string | null {
  if (peers.length >= MAX_RULES_PER_SELECTOR) {
    return `There may be at most ${MAX_RULES_PER_SELECTOR} rules with this '${selectorClaim}'.`;
  }
  return peers.some((peer) => !sameIdentity(peer, identity) && rulesOverlap(peer, identity))
    ? "A token could match both this rule and one of another project or environment. Add a claim that tells them apart."
    : null;
}

export const getIdentities = managementEndpoint("viewer", {
  query: z.object(pageQuery(50)),
  async handle({ services, params, query }) {
    const project = await requireProject(services.db, params.p);
    const position = decodeCursor(query.cursor, "number");
    const rows = await listIdentities(services.db, project.id, position, query.limit + 1);
    const { page, pagination } = paginate(rows, query.limit, (row) => ({ key: row.createdAtMs, id: row.id }));
    return { status: 200, body: { identities: page.map(toWire), pagination } };
  },
});

/** Takes effect within the minute for which an isolate may lease what it read. */
export const removeIdentity = managementEndpoint("admin", {
  async handle({ services, params }) {
    const project = await requireProject(services.db, params.p);
    if (!(await deleteIdentity(services.db, project.id, params.id ?? ""))) throw new ApiError("not_found");
    return { status: 204 };
  },
});

function toWire(identity: RegisteredIdentity) {
  return {
    id: identity.id,
    projectId: identity.projectId,
    issuer: identity.issuer,
    environment: identity.environment,
    claims: identity.claims,
    createdAt: identity.createdAtMs,
  };
}
