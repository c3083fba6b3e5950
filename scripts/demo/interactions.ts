import type { IncomingMessage } from "node:http";
import { text as readText } from "node:stream/consumers";
import type { InteractionResults, Provider } from "oidc-provider";
import { consentPage, errorPage, loginPage, type PageFacts } from "./interaction-pages.ts";

type Middleware = Parameters<Provider["use"]>[0];
type Interaction = Awaited<ReturnType<Provider["interactionDetails"]>>;

/**
 * Where the user signs in (field `login`) and agrees (field `decision`: `allow` or `deny`), as plain forms without
 * scripts. While `approver` names an account, both happen by themselves, as where a user agreed before.
 */
export function interactions(provider: Provider, approver: () => string | null): Middleware {
  return async (context, next) => {
    if (!/^\/interaction\/[\w-]+$/.test(context.path)) return next();
    const { req, res } = context;
    const interaction = await provider.interactionDetails(req, res).catch(() => null);
    const approving = approver();
    if (interaction === null) {
      context.status = 400;
      context.body = errorPage("This sign-in is over, or was begun in another browser.");
    } else if (context.method === "POST" || approving !== null) {
      const form = context.method === "POST" ? await readForm(req) : automatic(approving ?? "");
      const result = await decide(provider, interaction, form);
      context.redirect(await provider.interactionResult(req, res, result));
      context.status = 303;
    } else {
      const page = interaction.prompt.name === "login" ? loginPage : consentPage;
      context.body = page(await factsOf(provider, interaction));
    }
    context.set("cache-control", "no-store");
  };
}

async function decide(
  provider: Provider,
  interaction: Interaction,
  form: URLSearchParams,
): Promise<InteractionResults> {
  if (form.get("decision") === "deny") {
    return { error: "access_denied", error_description: "The user said no." };
  }
  if (interaction.prompt.name === "login") return { login: { accountId: form.get("login") || "nobody" } };
  return { consent: { grantId: await grantAll(provider, interaction) } };
}

/** Grants what was asked for, on top of what this client was granted in this session before. */
async function grantAll(provider: Provider, { grantId, session, params }: Interaction): Promise<string> {
  const found = grantId === undefined ? undefined : await provider.Grant.find(grantId);
  const accountId = session?.accountId ?? "nobody";
  const grant = found ?? new provider.Grant({ accountId, clientId: String(params.client_id) });
  const scope = String(params.scope ?? "");
  grant.addOIDCScope(scope);
  for (const resource of [params.resource ?? []].flat()) grant.addResourceScope(String(resource), scope);
  return grant.save();
}

async function factsOf(provider: Provider, { params, session }: Interaction): Promise<PageFacts> {
  const client = await provider.Client.find(String(params.client_id));
  return {
    client: client?.clientName ?? String(params.client_id),
    account: session?.accountId ?? "",
    scopes: String(params.scope ?? "").split(" "),
  };
}

function automatic(login: string): URLSearchParams {
  return new URLSearchParams({ login, decision: "allow" });
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  return new URLSearchParams(await readText(request));
}
