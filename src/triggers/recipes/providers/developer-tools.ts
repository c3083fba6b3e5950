import { hello, providers, sentAt } from "./row.ts";
import { standardWebhooks } from "./standard-webhooks.ts";

const SHA256 = { header: "x-hub-signature-256", prefix: "sha256=" };
const HUB = { header: "x-hub-signature", prefix: "sha256=" };

/** Code hosts, trackers, builds and alarms. */
export const DEVELOPER_TOOLS = providers({
  // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
  github: {
    ...SHA256,
    type: "x-github-event /action|form:payload/action",
    id: "x-github-delivery",
    // No header says it: none is signed, and whose id stands in one would have the event as theirs.
    tenant: "/installation/id form:payload/installation/id",
    replies: [hello("x-github-event", "ping")],
    forwards: "x-github-hook-id x-github-hook-installation-target-id x-github-hook-installation-target-type",
  },
  // https://docs.gitlab.com/user/project/integrations/webhooks/ (a signing token)
  gitlab: {
    ...standardWebhooks("webhook-"),
    type: "/object_kind|/event_name|x-gitlab-event",
    tenant: "/project_id /project/id /group_id x-gitlab-instance",
    forwards: "x-gitlab-event x-gitlab-event-uuid x-gitlab-instance",
    hides: "x-gitlab-token",
  },
  // The same page (a secret token, which is sent along and signs nothing).
  "gitlab-token": {
    services: [],
    header: "x-gitlab-token",
    algorithm: "equality",
    type: "/object_kind|/event_name|x-gitlab-event",
    id: "idempotency-key x-gitlab-event-uuid",
    tenant: "/project_id /project/id /group_id x-gitlab-instance",
  },
  // https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/
  bitbucket: {
    ...HUB,
    type: "x-event-key",
    id: "x-request-uuid",
    tenant: "/repository/workspace/uuid",
    replies: [hello("x-event-key", "diagnostics:ping")],
    forwards: "x-attempt-number x-hook-uuid",
  },
  // https://developer.atlassian.com/cloud/jira/platform/webhooks/
  jira: {
    ...HUB,
    services: ["jira", "atlassian"],
    type: "/webhookEvent",
    id: "x-atlassian-webhook-identifier",
    tenant: "/cloudId",
    forwards: "x-atlassian-webhook-retry",
  },
  // https://linear.app/developers/webhooks (the header with the time is not signed)
  linear: {
    header: "linear-signature",
    timestamp: sentAt("/webhookTimestamp", "ms", 60),
    type: "/type /action",
    id: "linear-delivery",
    tenant: "/organizationId",
    forwards: "linear-event linear-timestamp",
  },
  // https://docs.sentry.io/organization/integrations/integration-platform/webhooks/
  sentry: {
    header: "sentry-hook-signature",
    type: "sentry-hook-resource /action",
    id: "request-id",
    tenant: "/installation/uuid",
    forwards: "sentry-hook-timestamp",
  },
  // https://vercel.com/docs/webhooks/webhooks-api
  vercel: {
    header: "x-vercel-signature",
    algorithm: "hmac-sha1",
    type: "/type",
    id: "/id",
    tenant: "/payload/team/id /payload/installationIds/*",
  },
  // https://developer.pagerduty.com/docs/verifying-webhook-signatures
  pagerduty: {
    header: "x-pagerduty-signature",
    fields: { separator: ",", pair: "=", key: "v1" },
    type: "/event/event_type",
    id: "x-webhook-id",
    tenant: "x-webhook-subscription",
    replies: [hello("/event/event_type", "pagey.ping")],
  },
  // https://circleci.com/docs/guides/integration/outbound-webhooks/
  circleci: {
    header: "circleci-signature",
    fields: { separator: ",", pair: "=", key: "v1" },
    type: "/type",
    id: "/id",
    tenant: "/organization/id",
  },
  // https://buildkite.com/docs/apis/webhooks/pipelines#webhook-signature
  buildkite: {
    header: "x-buildkite-signature",
    fields: { separator: ",", pair: "=", key: "signature", timestamp: "timestamp" },
    signed: "{ts}.{body}",
    timestamp: sentAt(null, "s"),
    type: "/event",
    replies: [hello("/event", "ping")],
    hides: "x-buildkite-token",
  },
});
