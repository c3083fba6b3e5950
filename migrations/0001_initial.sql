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
  created_at_ms INTEGER NOT NULL
) STRICT;

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
  created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS issuer_keys_by_creation ON issuer_keys (created_at_ms, kid);
CREATE INDEX IF NOT EXISTS issuer_keys_by_master_key ON issuer_keys (private_jwk_kid);

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
  deleted_at_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS connectors_by_uid ON connectors (uid) WHERE deleted_at_ms IS NULL;
CREATE INDEX IF NOT EXISTS connectors_by_name ON connectors (name, id) WHERE deleted_at_ms IS NULL;
CREATE INDEX IF NOT EXISTS connectors_by_creation ON connectors (created_at_ms, id) WHERE deleted_at_ms IS NULL;
CREATE INDEX IF NOT EXISTS connectors_by_update ON connectors (updated_at_ms, id) WHERE deleted_at_ms IS NULL;
CREATE INDEX IF NOT EXISTS connectors_by_master_key ON connectors (secrets_kid);
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
  seen_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS grants_by_connector ON grants (connector_id, name);
CREATE INDEX IF NOT EXISTS grants_by_subject ON grants (connector_id, subject_type, subject_id, subject_issuer, name);

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
