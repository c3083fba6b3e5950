import type {
  Account,
  App,
  Installation,
  InstallationToken,
  OAuthCode,
  Repository,
  Settings,
  UserToken,
} from "./records.ts";
import { opaque } from "./token-formats.ts";

const FIRST_ID = 48_210_077;

/** Everything that this GitHub knows. */
export class World {
  readonly web: string;
  readonly api: string;
  readonly ghes: boolean;
  readonly settings: Settings;
  readonly accounts = new Map<string, Account>();
  readonly repositories = new Map<number, Repository>();
  readonly apps = new Map<number, App>();
  readonly installations = new Map<number, Installation>();
  readonly tokens = new Map<string, InstallationToken | UserToken>();
  readonly refreshTokens = new Map<string, UserToken>();
  readonly codes = new Map<string, OAuthCode>();
  readonly manifestCodes = new Map<string, { app: App; pem: string; expiresAtMs: number }>();
  /** `appId:login` of those who agreed. */
  readonly authorized = new Set<string>();
  readonly #byOwner = new Map<Account, Repository[]>();
  readonly #clock: () => number;
  #lastId = FIRST_ID;

  constructor(origins: { web: string; api: string; ghes: boolean }, clock: () => number) {
    this.web = origins.web;
    this.api = origins.api;
    this.ghes = origins.ghes;
    this.#clock = clock;
    this.settings = {
      user: "octocat",
      consent: "automatic",
      selection: { account: "", repositories: "all" },
      tokenFormat: origins.ghes ? "opaque" : "stateless",
      userTokenSeconds: 28_800,
      lifetimesAsText: false,
      unknownTokenStatus: 404,
      skewMs: 0,
      hourlyLimit: 5000,
    };
  }

  now(): number {
    return this.#clock() + this.settings.skewMs;
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** Throws for a login that nobody has. */
  account(login: string): Account {
    const account = this.accounts.get(login.toLowerCase());
    if (account === undefined) throw new Error(`The fake GitHub has no account "${login}".`);
    return account;
  }

  addAccount(login: string, type: Account["type"], admins: string[] = [], members: string[] = []): Account {
    const account: Account = {
      id: this.nextId(),
      login,
      type,
      admins: new Set(admins),
      members: new Set([...members, ...admins]),
    };
    this.accounts.set(login.toLowerCase(), account);
    return account;
  }

  addRepository(fullName: string, isPrivate: boolean): Repository {
    const [owner = "", name = ""] = fullName.split("/");
    const repository: Repository = {
      id: this.nextId(),
      name,
      owner: this.account(owner),
      private: isPrivate,
      issues: [],
    };
    this.repositories.set(repository.id, repository);
    this.#byOwner.set(repository.owner, [...this.repositoriesOf(repository.owner), repository]);
    return repository;
  }

  repository(owner: string, name: string): Repository | undefined {
    const account = this.accounts.get(owner.toLowerCase());
    if (account === undefined) return undefined;
    return this.repositoriesOf(account).find((one) => one.name.toLowerCase() === name.toLowerCase());
  }

  repositoriesOf(owner: Account): readonly Repository[] {
    return this.#byOwner.get(owner) ?? [];
  }

  /** By id or slug; throws when there is none. */
  app(idOrSlug: number | string): App {
    for (const app of this.apps.values()) if (app.id === Number(idOrSlug) || app.slug === idOrSlug) return app;
    throw new Error(`The fake GitHub has no app "${idOrSlug}".`);
  }

  installationOf(app: App, account: Account): Installation | undefined {
    for (const one of this.installations.values()) if (one.app === app && one.account === account) return one;
    return undefined;
  }

  /** What an installation reaches now. */
  reach(installation: Installation): readonly Repository[] {
    const all = this.repositoriesOf(installation.account);
    const { repositories } = installation;
    return repositories === "all" ? all : all.filter((one) => repositories.has(one.id));
  }

  newCode(code: Omit<OAuthCode, "expiresAtMs">): string {
    const value = opaque("", 20, "0123456789abcdef");
    this.codes.set(value, { ...code, expiresAtMs: this.now() + 600_000 });
    this.authorized.add(`${code.app.id}:${code.user.login}`);
    return value;
  }
}
