/** Scopes that mean the same everywhere (OpenID Connect Core §5.4, §11). */
const STANDARD: Record<string, string> = {
  openid: "Know which account is yours",
  profile: "See your name and profile",
  email: "See your email address",
  address: "See your postal address",
  phone: "See your phone number",
  offline_access: "Keep access while you are away, until it is taken back",
};

/** Names that only one host gives this meaning to; another host's `repo` may be anything. */
const BY_HOST: Record<string, Record<string, string>> = {
  // https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
  "github.com": {
    repo: "Read and write all your repositories, private ones too",
    public_repo: "Read and write your public repositories",
    "repo:status": "Read and write the status of commits",
    workflow: "Change the workflow files of GitHub Actions",
    "read:org": "See your organizations and teams",
    "read:user": "See your profile",
    "user:email": "See your email addresses",
    gist: "Write gists",
    notifications: "Read your notifications",
  },
  // https://developers.google.com/identity/protocols/oauth2/scopes
  "accounts.google.com": {
    "https://www.googleapis.com/auth/userinfo.email": "See your email address",
    "https://www.googleapis.com/auth/userinfo.profile": "See your name and profile",
    "https://www.googleapis.com/auth/calendar": "See, change and delete all your calendars",
    "https://www.googleapis.com/auth/calendar.readonly": "See all your calendars",
    "https://www.googleapis.com/auth/drive": "See, change and delete all your files in Drive",
    "https://www.googleapis.com/auth/drive.readonly": "See all your files in Drive",
    "https://www.googleapis.com/auth/drive.file": "See and change the files in Drive that you open with the app",
    "https://www.googleapis.com/auth/gmail.readonly": "Read all your mail",
    "https://www.googleapis.com/auth/gmail.send": "Send mail as you",
    "https://www.googleapis.com/auth/spreadsheets": "See, change and delete all your spreadsheets",
  },
};

/** What a scope allows, in plain words; null where that is not known for certain. */
export function scopeWords(scope: string, providerHost: string | null): string | null {
  const own = BY_HOST[providerHost ?? ""];
  if (own !== undefined && Object.hasOwn(own, scope)) return own[scope] ?? null;
  return Object.hasOwn(STANDARD, scope) ? (STANDARD[scope] ?? null) : null;
}
