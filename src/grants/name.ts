import { lengthPrefixed } from "../crypto/bytes.ts";
import { sha256Base64url } from "../crypto/digest.ts";
import type { GrantIdentity } from "./protocol.ts";

/**
 * The name of a Grant object: `g1:` and the base64url SHA-256 of its length-prefixed identity. Unkeyed on
 * purpose: names are for ever, keys rotate. An absent value and an empty one hash differently.
 */
export async function grantName({ connectorId, installationId, subject, partition }: GrantIdentity): Promise<string> {
  const subjectParts =
    subject.type === "user" ? [...optional(subject.namespace), ...optional(subject.issuer), subject.id] : [];
  const tuple = lengthPrefixed(
    "grant",
    connectorId,
    ...optional(installationId),
    partition,
    subject.type,
    ...subjectParts,
  );
  return `g1:${await sha256Base64url(tuple)}`;
}

function optional(value: string | null): [marker: string, value: string] {
  return value === null ? ["absent", ""] : ["present", value];
}
