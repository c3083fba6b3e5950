/** Which tokens a revocation means. */
export interface RevocationReach {
  /** Those obtained under a lower revocation value; null = whatever the value. */
  revokedBeforeMs: number | null;
  /** Those obtained through this link; null = through any. */
  linkId: string | null;
}

/** What a revocation needs to know of a token. */
export interface RevocableFacts {
  revokedBeforeMs: number;
  /** Null = unknown: stored by an older version. */
  linkId: string | null;
}

/**
 * Whether a revocation means that token. One whose link is unknown may be anybody's, so it is meant by everybody: better
 * one token too many is revoked than one too few.
 */
export function reaches({ revokedBeforeMs, linkId }: RevocationReach, token: RevocableFacts): boolean {
  return (
    (revokedBeforeMs === null || token.revokedBeforeMs < revokedBeforeMs) &&
    (linkId === null || token.linkId === null || token.linkId === linkId)
  );
}

/** The scopes that a link's ceiling does not contain; none where there is no ceiling. */
export function scopesAbove(scopes: string[], ceiling: string[] | null): string[] {
  return ceiling === null ? [] : scopes.filter((scope) => !ceiling.includes(scope));
}

/** What an app is told of those. */
export function aboveCeilingMessage(above: string[]): string {
  return `The provider granted more than the project's link allows: ${above.join(" ").slice(0, 500)}.`;
}
