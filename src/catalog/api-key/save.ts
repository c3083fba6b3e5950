import { base64url } from "../../crypto/bytes.ts";
import { ok, type Result } from "../../errors.ts";
import { checkUrl, type UrlPolicy } from "../../outbound/url-policy.ts";
import { invalidConfig, parseData } from "../connector-data.ts";
import type { DriverDeps, SplitConfig } from "../driver.ts";
import { type ApiKeyConfig, apiKeyConfig, apiKeyInput, apiKeyUpdate, orNull, secretName } from "./config.ts";

type Saved = SplitConfig<ApiKeyConfig>;
type SaveDeps = Pick<DriverDeps, "urlPolicy" | "randomBytes">;

/** What is stored for a create body's `data`. Fails with `unknown_field` or `invalid_config`. */
export function createApiKey(data: unknown, deps: SaveDeps): Result<Saved> {
  const input = parseData(apiKeyInput, data);
  if (!input.ok) return input;
  const { subjectType, values, serviceUrls, instructions } = input.value;
  if (!serviceUrls.every((url) => isServiceUrl(url, deps.urlPolicy))) {
    return invalidConfig("data.serviceUrls must be https URLs without user name, password or fragment.");
  }
  const empty: ApiKeyConfig = { subjectType, values: [], serviceUrls, instructions: orNull(instructions) };
  return withValues({ config: empty, secrets: {} }, values, deps);
}

/**
 * What is stored after an update body's `data`. Values named in `toDelete` go, those in `toUpdate` change in place,
 * those in `toAdd` come last. Fails with `unknown_field`, or `invalid_config` for an id that is not stored or is named
 * twice.
 */
export function updateApiKey(stored: Saved, data: unknown, deps: SaveDeps): Result<Saved> {
  const input = parseData(apiKeyUpdate, data);
  if (!input.ok) return input;
  const { toAdd, toUpdate, toDelete, instructions } = input.value;
  const named = [...toDelete, ...toUpdate.map(({ id }) => id)];
  if (new Set(named).size < named.length) return invalidConfig("data names the same value id twice.");
  const known = new Set(stored.config.values.map(({ id }) => id));
  if (!named.every((id) => known.has(id))) {
    return invalidConfig("data.toUpdate or data.toDelete names a value id that this connector does not have.");
  }

  const secrets = new Map(Object.entries(stored.secrets));
  for (const id of toDelete) secrets.delete(secretName(id));
  for (const { id, value } of toUpdate) {
    if (value !== null && value !== undefined) secrets.set(secretName(id), value);
  }
  const values = stored.config.values
    .filter(({ id }) => !toDelete.includes(id))
    .map((value) => {
      const change = toUpdate.find(({ id }) => id === value.id);
      return {
        id: value.id,
        scope: change?.scope === undefined ? value.scope : orNull(change.scope),
        expiresAtMs: change?.expiresAt === undefined ? value.expiresAtMs : orNull(change.expiresAt),
      };
    });
  const config = {
    ...stored.config,
    values,
    instructions: instructions === undefined ? stored.config.instructions : orNull(instructions),
  };
  return withValues({ config, secrets: Object.fromEntries(secrets) }, toAdd, deps);
}

type NewValue = { value: string; scope?: string | null | undefined; expiresAt?: number | "" | null | undefined };

function withValues({ config, secrets }: Saved, added: NewValue[], { randomBytes }: SaveDeps): Result<Saved> {
  if (config.subjectType === "user" && added.length > 0) {
    return invalidConfig('A connector with subjectType "user" stores no values: each user brings their own.');
  }
  const values = [...config.values];
  const sealed = { ...secrets };
  for (const { value, scope, expiresAt } of added) {
    const id = `val_${base64url(randomBytes(12))}`;
    values.push({ id, scope: orNull(scope), expiresAtMs: orNull(expiresAt) });
    sealed[secretName(id)] = value;
  }
  const checked = parseData(apiKeyConfig, { ...config, values });
  return checked.ok ? ok({ config: checked.value, secrets: sealed }) : checked;
}

/** These are shown, never called, so private hosts are fine; loopback http only where the deployment is local. */
function isServiceUrl(raw: string, policy: UrlPolicy): boolean {
  const url = URL.parse(raw);
  if (url === null || url.username !== "" || url.password !== "" || raw.includes("#")) return false;
  return url.protocol === "https:" || checkUrl(raw, policy).ok;
}
