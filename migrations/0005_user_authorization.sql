-- Users authorize: their requests, what the index knows of their grants, and how they sign in.
ALTER TABLE grants ADD COLUMN external_subject TEXT;
ALTER TABLE grants ADD COLUMN authorization_state TEXT;
CREATE INDEX grants_by_external_subject ON grants (connector_id, external_subject)
  WHERE external_subject IS NOT NULL;

ALTER TABLE issuers ADD COLUMN login TEXT;
ALTER TABLE issuers ADD COLUMN login_secret_sealed TEXT;
ALTER TABLE issuers ADD COLUMN login_secret_kid TEXT;
ALTER TABLE issuers ADD COLUMN login_secret_generation INTEGER NOT NULL DEFAULT 0;
CREATE INDEX issuers_by_master_key ON issuers (login_secret_kid, id);

-- Authorizations that were asked for, from the request to their result.
CREATE TABLE authorization_requests (
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
CREATE INDEX authorization_requests_open ON authorization_requests (link_id, grant_name, expires_at_ms)
  WHERE finished_at_ms IS NULL;
CREATE INDEX authorization_requests_by_expiry ON authorization_requests (expires_at_ms)
  WHERE finished_at_ms IS NULL;
CREATE INDEX authorization_requests_finished ON authorization_requests (finished_at_ms)
  WHERE finished_at_ms IS NOT NULL;
CREATE INDEX authorization_requests_by_webhook ON authorization_requests (webhook_due_at_ms)
  WHERE webhook_due_at_ms IS NOT NULL;
CREATE INDEX authorization_requests_by_master_key ON authorization_requests (secrets_kid, id);
CREATE INDEX authorization_requests_by_connector ON authorization_requests (connector_id);
CREATE INDEX authorization_requests_by_project ON authorization_requests (project_id);
CREATE INDEX authorization_requests_by_link ON authorization_requests (link_id);
