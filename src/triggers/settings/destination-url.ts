const BRANCH = "{branch}";
const MAX_LABEL_LENGTH = 63;

/**
 * Where a project's destination is now: its environment's origin, the branch put into a template, and the path. Null
 * when the origin is not configured, or is not of the kind that the destination needs.
 */
export function destinationUrl(origin: string | null, path: string | null, branch: string | null): string | null {
  if (origin === null || path === null) return null;
  if (branch === null) return origin.includes(BRANCH) ? null : `${origin}${path}`;
  const filled = originOfBranch(origin, branch);
  return filled === null ? null : `${filled}${path}`;
}

/**
 * A template's origin for a branch. In a host name a branch is lower case, everything but letters and digits is "-",
 * and its label is cut to the 63 characters that DNS allows: branches that differ in no more than that share an origin.
 */
export function originOfBranch(template: string, branch: string): string | null {
  if (!template.includes(BRANCH)) return null;
  const around = /[^/.]*\{branch\}[^.:/]*/.exec(template)?.[0].length ?? 0;
  const room = MAX_LABEL_LENGTH - (around - BRANCH.length);
  const label = trimmed(trimmed(branch.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")).slice(0, Math.max(0, room)));
  return label === "" ? null : template.replace(BRANCH, label);
}

function trimmed(label: string): string {
  return label.replaceAll(/^-+|-+$/g, "");
}
