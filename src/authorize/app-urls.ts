import type { Link } from "../connectors/link-row.ts";
import { ok, type Result } from "../errors.ts";
import type { Services } from "../services.ts";
import { checkReturnUrl, checkWebhookUrl, type OriginRule } from "./return-url.ts";

/** Where the app wants its users sent, and itself told; null = nowhere. */
export interface AppUrls {
  returnUrl: string | null;
  webhook: string | null;
}

/**
 * Whether the app may: the origins of its link, or else those of the link's environments. `invalid_return_url`,
 * `invalid_webhook_url`.
 */
export function checkAppUrls(
  { returnUrl, webhook }: AppUrls,
  link: Link,
  environment: string,
  { settings, urlPolicy }: Pick<Services, "settings" | "urlPolicy">,
): Result<null> {
  const own = link.projectEnvironments.flatMap(({ id, origin }) =>
    origin !== null && link.environments.includes(id) ? [origin] : [],
  );
  const allowLoopback = settings.allowLoopback || environment === "development";
  const ruleOf = (origins: string[] | null): OriginRule => ({ origins: origins ?? own, allowLoopback });
  const back = returnUrl === null ? ok("") : checkReturnUrl(returnUrl, ruleOf(link.returnOrigins));
  if (!back.ok) return back;
  const told = webhook === null ? ok("") : checkWebhookUrl(webhook, ruleOf(link.webhookOrigins), urlPolicy);
  return told.ok ? ok(null) : told;
}
