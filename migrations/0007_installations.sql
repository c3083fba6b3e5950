-- Connectors can be registered through a browser, and installed in tenants of their provider.

ALTER TABLE connectors ADD COLUMN creation_mode TEXT NOT NULL DEFAULT 'manual' CHECK (creation_mode IN ('manual', 'managed'));
ALTER TABLE connectors ADD COLUMN default_installation_id TEXT;
ALTER TABLE links ADD COLUMN authorization_details TEXT;
CREATE INDEX IF NOT EXISTS grants_by_installation ON grants (connector_id, installation_id, name)
  WHERE installation_id IS NOT NULL;

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
