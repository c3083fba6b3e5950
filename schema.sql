-- The control plane. Times are milliseconds since the epoch, booleans 0/1, sets and objects JSON text.
-- A column named *_sealed holds an envelope (docs/storage.md); *_kid names the master key that it needs.

CREATE TABLE IF NOT EXISTS team (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  -- Logical clock of revocations: every wide revocation takes the next value, so later always compares greater.
  revocation_clock_ms INTEGER NOT NULL DEFAULT 0,
  revoked_before_ms INTEGER NOT NULL DEFAULT 0,
  singleton INTEGER NOT NULL DEFAULT 1 UNIQUE CHECK (singleton = 1),
  created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS access_tokens (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'developer', 'viewer')),
  project_id TEXT REFERENCES projects (id) ON DELETE CASCADE,
  environment TEXT,
  user_id TEXT,
  secret_mac TEXT NOT NULL,
  secret_mac_kid TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS access_tokens_by_master_key ON access_tokens (secret_mac_kid);
CREATE INDEX IF NOT EXISTS access_tokens_by_project ON access_tokens (project_id);
CREATE INDEX IF NOT EXISTS access_tokens_by_creation ON access_tokens (created_at_ms, id);
-- Who could replace the last owner.
CREATE INDEX IF NOT EXISTS access_tokens_of_owners ON access_tokens (expires_at_ms)
  WHERE role = 'owner' AND project_id IS NULL;

CREATE TABLE IF NOT EXISTS projects (
  id TEXT PRIMARY KEY,
  slug TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  revoked_before_ms INTEGER NOT NULL DEFAULT 0,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS environments (
  project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  -- production, preview, development, or env_…
  id TEXT NOT NULL,
  slug TEXT NOT NULL,
  origin TEXT,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  PRIMARY KEY (project_id, id),
  UNIQUE (project_id, slug)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS issuers (
  id TEXT PRIMARY KEY,
  -- Exact `iss`, compared byte for byte.
  issuer TEXT NOT NULL UNIQUE,
  audience TEXT NOT NULL,
  preset TEXT,
  selector_claim TEXT NOT NULL,
  algorithms TEXT NOT NULL,
  -- Longest accepted time between a token's `iat` and now.
  max_token_age_ms INTEGER NOT NULL,
  one_time_tokens INTEGER NOT NULL DEFAULT 0,
  jwks_uri TEXT NOT NULL,
  jwks TEXT NOT NULL,
  jwks_fetched_at_ms INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  -- How users sign in there for the binding "login" (JSON: client id, endpoints); NULL = they cannot.
  login TEXT,
  login_secret_sealed TEXT,
  login_secret_kid TEXT,
  login_secret_generation INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS issuers_by_master_key ON issuers (login_secret_kid, id);

CREATE TABLE IF NOT EXISTS used_token_ids (
  issuer_id TEXT NOT NULL REFERENCES issuers (id) ON DELETE CASCADE,
  jti TEXT NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  PRIMARY KEY (issuer_id, jti)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS used_token_ids_by_expiry ON used_token_ids (expires_at_ms);

CREATE TABLE IF NOT EXISTS identities (
  id TEXT PRIMARY KEY,
  issuer_id TEXT NOT NULL REFERENCES issuers (id) ON DELETE CASCADE,
  -- The value that the rule pins the issuer's selector claim to; JSON, so that "1" and 1 differ.
  selector_value TEXT NOT NULL,
  project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  environment TEXT NOT NULL,
  claims TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS identities_by_selector ON identities (issuer_id, selector_value);
CREATE INDEX IF NOT EXISTS identities_by_project ON identities (project_id, created_at_ms, id);

CREATE TABLE IF NOT EXISTS issuer_keys (
  kid TEXT PRIMARY KEY,
  alg TEXT NOT NULL,
  public_jwk TEXT NOT NULL,
  private_jwk_sealed TEXT NOT NULL,
  private_jwk_kid TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  -- It signs from then on …
  not_before_ms INTEGER NOT NULL DEFAULT 0,
  -- … until then; NULL = it has no successor yet. Its public half stays published for longer.
  retired_at_ms INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS issuer_keys_by_creation ON issuer_keys (created_at_ms, kid);
CREATE INDEX IF NOT EXISTS issuer_keys_by_master_key ON issuer_keys (private_jwk_kid, kid);

CREATE TABLE IF NOT EXISTS connectors (
  id TEXT PRIMARY KEY,
  uid TEXT NOT NULL,
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  service TEXT NOT NULL,
  -- The driver's configuration without its secrets.
  config TEXT NOT NULL,
  secrets_sealed TEXT,
  secrets_kid TEXT,
  -- Which secrets there are, so that showing a connector opens none.
  secret_names TEXT NOT NULL DEFAULT '[]',
  -- Bound into the envelope's AAD; counts writes of the secrets.
  secrets_generation INTEGER NOT NULL DEFAULT 0,
  -- Counts every change (ETag); config_revision only those that make issued tokens stale.
  revision INTEGER NOT NULL DEFAULT 1,
  config_revision INTEGER NOT NULL DEFAULT 1,
  lease_seconds INTEGER NOT NULL CHECK (lease_seconds BETWEEN 0 AND 300),
  -- The longest lease in force before the last change; it still binds for five minutes after.
  previous_lease_seconds INTEGER NOT NULL DEFAULT 0,
  lease_changed_at_ms INTEGER NOT NULL DEFAULT 0,
  minimum_binding TEXT NOT NULL DEFAULT 'finalize' CHECK (minimum_binding IN ('confirm', 'finalize', 'login')),
  region TEXT,
  branding TEXT NOT NULL DEFAULT '{}',
  created_by TEXT,
  updated_by TEXT,
  revoked_before_ms INTEGER NOT NULL DEFAULT 0,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  -- A deleted connector stays as a sealed tombstone until its upstream revocations are done.
  deleted_at_ms INTEGER,
  -- Incomplete, so that what the provider must know of it exists first; issues nothing.
  draft INTEGER NOT NULL DEFAULT 0 CHECK (draft IN (0, 1)),
  -- How its creator named the way of connecting, and the product of the service.
  connection_method TEXT,
  target TEXT,
  -- How it came to be: its operator brought the data, or the provider was asked to register it.
  creation_mode TEXT NOT NULL DEFAULT 'manual' CHECK (creation_mode IN ('manual', 'managed')),
  -- Of which installation a token is when a request names none.
  default_installation_id TEXT
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS connectors_by_uid ON connectors (uid) WHERE deleted_at_ms IS NULL;
CREATE INDEX IF NOT EXISTS connectors_by_name ON connectors (name, id) WHERE deleted_at_ms IS NULL;
CREATE INDEX IF NOT EXISTS connectors_by_creation ON connectors (created_at_ms, id) WHERE deleted_at_ms IS NULL;
CREATE INDEX IF NOT EXISTS connectors_by_update ON connectors (updated_at_ms, id) WHERE deleted_at_ms IS NULL;
CREATE INDEX IF NOT EXISTS connectors_by_master_key ON connectors (secrets_kid, id);
CREATE INDEX IF NOT EXISTS connectors_by_deletion ON connectors (deleted_at_ms) WHERE deleted_at_ms IS NOT NULL;

CREATE TABLE IF NOT EXISTS links (
  id TEXT PRIMARY KEY,
  connector_id TEXT NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
  project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  environments TEXT NOT NULL,
  -- Optional narrowing; NULL = not narrowed.
  installations TEXT,
  subjects TEXT,
  subject_namespace TEXT,
  scopes TEXT,
  return_origins TEXT,
  webhook_origins TEXT,
  revoked_before_ms INTEGER NOT NULL DEFAULT 0,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  -- A ceiling of authorization details (RFC 9396); NULL = none.
  authorization_details TEXT,
  UNIQUE (connector_id, project_id)
) STRICT;
CREATE INDEX IF NOT EXISTS links_by_connector ON links (connector_id, created_at_ms, id);
CREATE INDEX IF NOT EXISTS links_by_project ON links (project_id, created_at_ms, id);

-- Which Grant objects exist. A row is written before its object stores any token, so that none can be missed.
CREATE TABLE IF NOT EXISTS grants (
  name TEXT PRIMARY KEY,
  connector_id TEXT NOT NULL REFERENCES connectors (id),
  installation_id TEXT,
  subject_type TEXT NOT NULL,
  subject_namespace TEXT,
  subject_issuer TEXT,
  subject_id TEXT,
  -- The environment, or 'shared'.
  partition TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  seen_at_ms INTEGER NOT NULL,
  -- Hash of the provider's id of the user who authorized it; NULL = nobody did, or it is unknown.
  external_subject TEXT,
  -- Whether tokens can come from it now: active, lost_in_flight, refused_upstream or revoked; NULL = needs no user.
  authorization_state TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS grants_by_external_subject ON grants (connector_id, external_subject)
  WHERE external_subject IS NOT NULL;
CREATE INDEX IF NOT EXISTS grants_by_connector ON grants (connector_id, name);
CREATE INDEX IF NOT EXISTS grants_by_installation ON grants (connector_id, installation_id, name)
  WHERE installation_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS grants_by_subject ON grants (connector_id, subject_type, subject_id, subject_issuer, name);

-- Which master keys a Grant may need: a row for each, written before the object seals anything with it, removed when
-- the object has re-sealed everything. An empty kid: only the object knows.
CREATE TABLE IF NOT EXISTS grant_keys (
  grant_name TEXT NOT NULL REFERENCES grants (name) ON DELETE CASCADE,
  kid TEXT NOT NULL,
  PRIMARY KEY (grant_name, kid)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS grant_keys_by_master_key ON grant_keys (kid, grant_name);

-- Authorizations that were asked for, from the request to their result.
CREATE TABLE IF NOT EXISTS authorization_requests (
  -- Orders the authorizations of one grant.
  ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  -- SHA-256 of what the app polls and completes with.
  verifier_hash TEXT NOT NULL UNIQUE,
  connector_id TEXT NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
  project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  link_id TEXT NOT NULL REFERENCES links (id) ON DELETE CASCADE,
  environment TEXT NOT NULL,
  grant_name TEXT NOT NULL,
  -- What was asked for and decided at the start (JSON): identity, group, ceiling, return URL, webhook, prompt …
  request TEXT NOT NULL,
  -- Of the connector when it was asked: a change in between ends the authorization.
  config_revision INTEGER NOT NULL,
  revoked_before_ms INTEGER NOT NULL,
  binding TEXT NOT NULL CHECK (binding IN ('confirm', 'finalize', 'login')),
  -- pending: nobody has agreed yet. signing_in: one browser has, and its user signs in first. verifying: that answer is
  -- being checked. claimed: the browser is at the provider. returned: it is back, and the app has to complete it.
  -- completing: the provider or the grant is being asked.
  status TEXT NOT NULL CHECK (status IN ('pending', 'signing_in', 'verifying', 'claimed', 'returned', 'completing', 'success', 'canceled', 'error', 'expired')),
  error_code TEXT,
  -- The provider's own code (RFC 6749, section 4.1.2.1), from a closed list.
  provider_error TEXT,
  -- SHA-256 of the cookie of the browser that claimed it, of the `state` at the provider, and of the connect code.
  browser_hash TEXT,
  state_hash TEXT UNIQUE,
  login_state_hash TEXT UNIQUE,
  connect_code_hash TEXT,
  -- How often a wrong one was presented.
  connect_code_misses INTEGER NOT NULL DEFAULT 0,
  -- PKCE verifier, nonces, and then what the browser brought (a code or a key).
  secrets_sealed TEXT,
  secrets_kid TEXT,
  secrets_generation INTEGER NOT NULL DEFAULT 0,
  created_at_ms INTEGER NOT NULL,
  -- Of the whole authorization; a shorter time may bind the leg that it is on.
  expires_at_ms INTEGER NOT NULL,
  leg_expires_at_ms INTEGER,
  finished_at_ms INTEGER,
  -- When the app is to be told next; NULL = it need not be, or was.
  webhook_due_at_ms INTEGER,
  webhook_tries INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS authorization_requests_open ON authorization_requests (link_id, grant_name, expires_at_ms)
  WHERE finished_at_ms IS NULL;
CREATE INDEX IF NOT EXISTS authorization_requests_by_expiry ON authorization_requests (expires_at_ms)
  WHERE finished_at_ms IS NULL;
CREATE INDEX IF NOT EXISTS authorization_requests_finished ON authorization_requests (finished_at_ms)
  WHERE finished_at_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS authorization_requests_by_webhook ON authorization_requests (webhook_due_at_ms)
  WHERE webhook_due_at_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS authorization_requests_by_master_key ON authorization_requests (secrets_kid, id);
CREATE INDEX IF NOT EXISTS authorization_requests_by_connector ON authorization_requests (connector_id);
CREATE INDEX IF NOT EXISTS authorization_requests_by_project ON authorization_requests (project_id);
CREATE INDEX IF NOT EXISTS authorization_requests_by_link ON authorization_requests (link_id);

-- Where connectors are installed: a row for each tenant of the provider, which a re-install keeps.
CREATE TABLE IF NOT EXISTS installations (
  id TEXT PRIMARY KEY,
  connector_id TEXT NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
  -- The provider's id of the workspace, organization or account, and of the installation there.
  tenant_id TEXT NOT NULL,
  external_id TEXT NOT NULL,
  name TEXT,
  -- What the tenant granted, in the driver's shape (JSON).
  details TEXT NOT NULL DEFAULT '{}',
  -- A flow or an operator brought it. Events alone may tell of strangers: a public app is installed by anybody.
  is_own INTEGER NOT NULL DEFAULT 0 CHECK (is_own IN (0, 1)),
  state TEXT NOT NULL CHECK (state IN ('active', 'suspended', 'removed')),
  -- By the provider's clock; older news is ignored. NULL = unknown.
  changed_at_ms INTEGER,
  -- On the team's logical clock: tokens from before are dead.
  revoked_before_ms INTEGER NOT NULL DEFAULT 0,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  UNIQUE (connector_id, tenant_id)
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS installations_by_external_id ON installations (connector_id, external_id);
CREATE INDEX IF NOT EXISTS installations_by_creation ON installations (connector_id, created_at_ms, id);
CREATE INDEX IF NOT EXISTS installations_by_name ON installations (connector_id, name COLLATE NOCASE);
CREATE INDEX IF NOT EXISTS installations_present ON installations (connector_id) WHERE state <> 'removed' AND is_own = 1;

-- Registrations and installations that were asked for, from the request to their result.
CREATE TABLE IF NOT EXISTS installation_requests (
  id TEXT PRIMARY KEY,
  -- SHA-256 of what the app polls with.
  verifier_hash TEXT NOT NULL UNIQUE,
  -- Of a registration: the id that the connector will have.
  connector_id TEXT NOT NULL,
  -- Whose app asked; NULL = an operator did.
  project_id TEXT REFERENCES projects (id) ON DELETE CASCADE,
  link_id TEXT REFERENCES links (id) ON DELETE CASCADE,
  environment TEXT,
  -- What was asked for and decided at the start (JSON).
  request TEXT NOT NULL,
  config_revision INTEGER,
  revoked_before_ms INTEGER NOT NULL,
  -- pending: nobody has agreed yet. registering: the browser is at the provider, to register. installing: to install.
  -- proving: to show who installed it. completing: the provider is being asked.
  status TEXT NOT NULL CHECK (status IN ('pending', 'registering', 'installing', 'proving', 'completing', 'success', 'canceled', 'error', 'expired')),
  -- The connector of a registration exists.
  registered INTEGER NOT NULL DEFAULT 0 CHECK (registered IN (0, 1)),
  -- What the browser named, unproven; and what came of it.
  external_id TEXT,
  installation_id TEXT,
  error_code TEXT,
  provider_error TEXT,
  browser_hash TEXT,
  state_hash TEXT UNIQUE,
  secrets_sealed TEXT,
  secrets_kid TEXT,
  secrets_generation INTEGER NOT NULL DEFAULT 0,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  leg_expires_at_ms INTEGER,
  finished_at_ms INTEGER,
  webhook_due_at_ms INTEGER,
  webhook_tries INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS installation_requests_open ON installation_requests (connector_id, expires_at_ms)
  WHERE finished_at_ms IS NULL;
CREATE INDEX IF NOT EXISTS installation_requests_by_expiry ON installation_requests (expires_at_ms)
  WHERE finished_at_ms IS NULL;
CREATE INDEX IF NOT EXISTS installation_requests_finished ON installation_requests (finished_at_ms)
  WHERE finished_at_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS installation_requests_by_webhook ON installation_requests (webhook_due_at_ms)
  WHERE webhook_due_at_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS installation_requests_by_master_key ON installation_requests (secrets_kid, id);
CREATE INDEX IF NOT EXISTS installation_requests_by_project ON installation_requests (project_id);
CREATE INDEX IF NOT EXISTS installation_requests_by_link ON installation_requests (link_id);

-- What a connector receives from its provider.
CREATE TABLE IF NOT EXISTS triggers (
  connector_id TEXT PRIMARY KEY REFERENCES connectors (id) ON DELETE CASCADE,
  -- 128 random bits: the path that the provider calls.
  ingress_id TEXT NOT NULL UNIQUE,
  enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  -- Until something was verified, unsigned handshakes that carry a secret may be answered.
  pending_verification INTEGER NOT NULL DEFAULT 1 CHECK (pending_verification IN (0, 1)),
  -- {"provider":"github"} or {"recipe":{…}}, and the settings of recipes that need some (JSON); NULL = none was chosen.
  recipe TEXT,
  -- Globs over event types (JSON); NULL = all.
  events TEXT,
  -- Largest accepted payload in bytes.
  max_body_bytes INTEGER NOT NULL DEFAULT 1048576,
  -- Acknowledge by a write to the journal instead of the queue.
  journal INTEGER NOT NULL DEFAULT 0 CHECK (journal IN (0, 1)),
  -- How long payloads are kept; 0 = not once they are delivered.
  payload_days INTEGER NOT NULL DEFAULT 7,
  -- The signing secrets, newest first (JSON inside: id, value, addedAtMs, expiresAtMs).
  secrets_sealed TEXT,
  secrets_kid TEXT,
  secrets_generation INTEGER NOT NULL DEFAULT 0,
  revision INTEGER NOT NULL DEFAULT 1,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS triggers_by_master_key ON triggers (secrets_kid, connector_id);

-- Where a connector's events are sent.
CREATE TABLE IF NOT EXISTS destinations (
  id TEXT PRIMARY KEY,
  connector_id TEXT NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
  -- Either a URL, or a project's environment and a path at its origin.
  url TEXT,
  project_id TEXT REFERENCES projects (id) ON DELETE CASCADE,
  environment TEXT,
  path TEXT,
  branch TEXT,
  -- The aud of the forward tokens.
  audience TEXT NOT NULL,
  events TEXT,
  filter TEXT,
  ordered INTEGER NOT NULL DEFAULT 0 CHECK (ordered IN (0, 1)),
  lanes INTEGER NOT NULL DEFAULT 1 CHECK (lanes BETWEEN 1 AND 16),
  -- Seconds before each further attempt (JSON).
  retry_schedule TEXT NOT NULL,
  timeout_ms INTEGER NOT NULL,
  max_in_flight INTEGER NOT NULL,
  rate_per_second INTEGER,
  responder INTEGER NOT NULL DEFAULT 0 CHECK (responder IN (0, 1)),
  -- operator, or gone (it answered 410); NULL = active.
  disabled_reason TEXT,
  -- Standard Webhooks secrets, newest first.
  secrets_sealed TEXT NOT NULL,
  secrets_kid TEXT NOT NULL,
  secrets_generation INTEGER NOT NULL DEFAULT 1,
  revision INTEGER NOT NULL DEFAULT 1,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT;
-- No two of a connector take each other's tokens.
CREATE UNIQUE INDEX IF NOT EXISTS destinations_by_audience ON destinations (connector_id, audience);
CREATE INDEX IF NOT EXISTS destinations_by_connector ON destinations (connector_id, created_at_ms, id);
CREATE INDEX IF NOT EXISTS destinations_by_environment ON destinations (project_id, environment);
CREATE UNIQUE INDEX IF NOT EXISTS destinations_responder ON destinations (connector_id) WHERE responder = 1;
CREATE INDEX IF NOT EXISTS destinations_by_master_key ON destinations (secrets_kid, id);

-- Creations that were asked for under an Idempotency-Key, and what was answered.
CREATE TABLE IF NOT EXISTS idempotency_keys (
  -- SHA-256 of (access token, method, path, key).
  id TEXT PRIMARY KEY,
  claimed_at_ms INTEGER NOT NULL,
  -- NULL while the first request is under way.
  answer_sealed TEXT,
  answer_kid TEXT,
  expires_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS idempotency_keys_by_expiry ON idempotency_keys (expires_at_ms);
CREATE INDEX IF NOT EXISTS idempotency_keys_by_master_key ON idempotency_keys (answer_kid, id);

-- Walks that the Housekeeper still owes: telling every Grant of a connector about a revocation.
CREATE TABLE IF NOT EXISTS revocation_walks (
  connector_id TEXT PRIMARY KEY REFERENCES connectors (id) ON DELETE CASCADE,
  revoked_before_ms INTEGER NOT NULL,
  -- The last Grant name that was told; NULL = none yet.
  after_name TEXT,
  -- Grants of this pass that could not be told; the walk is then repeated.
  missed INTEGER NOT NULL DEFAULT 0,
  due_at_ms INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS revocation_walks_by_due_time ON revocation_walks (due_at_ms, connector_id);

-- The re-sealing of everything under one primary master key, by the Housekeeper, in steps.
CREATE TABLE IF NOT EXISTS key_reseal (
  singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
  primary_kid TEXT NOT NULL,
  stage TEXT NOT NULL,
  -- The last row of this stage that was looked at: the key that it needed, and its id.
  after_kid TEXT NOT NULL DEFAULT '',
  after_id TEXT NOT NULL DEFAULT '',
  resealed INTEGER NOT NULL DEFAULT 0,
  -- Rows of this pass that could not be re-sealed; the pass is then repeated.
  missed INTEGER NOT NULL DEFAULT 0,
  -- NULL when it is done.
  due_at_ms INTEGER,
  started_at_ms INTEGER NOT NULL,
  finished_at_ms INTEGER
) STRICT;
