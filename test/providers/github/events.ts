import { includes, type Permissions } from "./records.ts";

/** What every app is sent, and none can subscribe to. */
const ALWAYS_SENT = new Set(["ping", "installation", "installation_repositories", "github_app_authorization"]);

/** What an app must be able to read to subscribe, as far as it is told here; others need nothing. */
const PERMISSIONS: Record<string, string[]> = {
  actions: ["workflow_job", "workflow_run"],
  checks: ["check_run", "check_suite"],
  contents: ["commit_comment", "create", "delete", "push", "release"],
  deployments: ["deployment", "deployment_status"],
  discussions: ["discussion", "discussion_comment"],
  issues: ["issue_comment", "issues"],
  pages: ["page_build"],
  pull_requests: ["pull_request", "pull_request_review", "pull_request_review_comment", "pull_request_review_thread"],
  statuses: ["status"],
};

/** Whether GitHub sends an app that event. */
export function isSent({ events }: { events: readonly string[] }, event: string): boolean {
  return ALWAYS_SENT.has(event) || events.includes(event);
}

/**
 * What is wrong with subscribing to these events with these permissions.
 * https://docs.github.com/webhooks/webhook-events-and-payloads
 */
export function problemsOf(events: string[], permissions: Permissions): string[] {
  const unsupported = events.filter((event) => ALWAYS_SENT.has(event));
  const withoutPermission = events.filter((event) => {
    const [needed] = Object.entries(PERMISSIONS).find(([, names]) => names.includes(event)) ?? [];
    return needed !== undefined && !includes(permissions, needed, "read");
  });
  return [
    ...(unsupported.length > 0 ? [`Default events unsupported: ${unsupported.join(" and ")}`] : []),
    ...(withoutPermission.length > 0
      ? [`Default events are not supported by permissions: ${withoutPermission.join(" and ")}`]
      : []),
  ];
}
