import { createPublicKey, generateKeyPair } from "node:crypto";
import { promisify } from "node:util";
import type { App, Permissions } from "./records.ts";
import { hex, opaque } from "./token-formats.ts";
import type { World } from "./world.ts";

/** How an app is registered, by hand or by a manifest. */
export interface AppSettings {
  name: string;
  /** Login; the signed-in user by default. */
  owner?: string;
  url?: string;
  description?: string;
  hookUrl?: string;
  callbackUrls?: string[];
  setupUrl?: string;
  setupOnUpdate?: boolean;
  requestOauthOnInstall?: boolean;
  public?: boolean;
  permissions?: Permissions;
  events?: string[];
  /** User tokens end after eight hours, unless this is false. */
  expireUserTokens?: boolean;
}

/** What whoever registers an app by hand copies from its page. */
export interface AppCredentials {
  id: number;
  slug: string;
  name: string;
  clientId: string;
  clientSecret: string;
  webhookSecret: string | null;
  /** PKCS#1, as GitHub hands it out. */
  pem: string;
}

const generate = promisify(generateKeyPair);

/** A new app with a key of its own; metadata may be read with any permission. */
export async function registerApp(world: World, settings: AppSettings): Promise<{ app: App; pem: string }> {
  const { pem, publicKey } = await newKey();
  const now = world.now();
  const app: App = {
    id: world.nextId(),
    slug: slugOf(settings.name),
    name: settings.name,
    description: settings.description ?? null,
    owner: world.account(settings.owner ?? world.settings.user),
    externalUrl: settings.url ?? "https://example.com/",
    clientId: opaque("Iv23li", 14),
    clientSecret: hex(40),
    webhookSecret: settings.hookUrl === undefined ? null : hex(40),
    hookUrl: settings.hookUrl ?? null,
    hookId: world.nextId(),
    publicKeys: [publicKey],
    permissions: withMetadata(settings.permissions ?? {}),
    events: settings.events ?? [],
    callbackUrls: settings.callbackUrls ?? [],
    setupUrl: settings.setupUrl ?? null,
    setupOnUpdate: settings.setupOnUpdate ?? false,
    requestOauthOnInstall: settings.requestOauthOnInstall ?? false,
    public: settings.public ?? true,
    expireUserTokens: settings.expireUserTokens ?? true,
    createdAtMs: now,
    updatedAtMs: now,
  };
  world.apps.set(app.id, app);
  return { app, pem };
}

/** One more key, PKCS#1; the others stay valid unless `only`. */
export async function addKey(app: App, only: boolean): Promise<string> {
  const { pem, publicKey } = await newKey();
  app.publicKeys = only ? [publicKey] : [...app.publicKeys, publicKey];
  return pem;
}

export function credentialsOf(app: App, pem: string): AppCredentials {
  const { id, slug, name, clientId, clientSecret, webhookSecret } = app;
  return { id, slug, name, clientId, clientSecret, webhookSecret, pem };
}

export function slugOf(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}

export function withMetadata(permissions: Permissions): Permissions {
  return Object.keys(permissions).length === 0 ? {} : { ...permissions, metadata: "read" };
}

async function newKey() {
  const { privateKey } = await generate("rsa", { modulusLength: 2048 });
  const pem = privateKey.export({ type: "pkcs1", format: "pem" }).toString();
  return { pem, publicKey: createPublicKey(privateKey) };
}
