-- Verified webhooks: what connectors receive, and where it is sent.
-- What a connector receives from its provider.
CREATE TABLE triggers (
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
-- Every connector has an ingress, so that it can be registered at the provider before anything is configured.
INSERT INTO triggers (connector_id, ingress_id, enabled, created_at_ms, updated_at_ms)
  SELECT id, lower(hex(randomblob(16))), 0, updated_at_ms, updated_at_ms FROM connectors WHERE deleted_at_ms IS NULL;
CREATE INDEX triggers_by_master_key ON triggers (secrets_kid, connector_id);

-- Where a connector's events are sent.
CREATE TABLE destinations (
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
CREATE UNIQUE INDEX destinations_by_audience ON destinations (connector_id, audience);
CREATE INDEX destinations_by_connector ON destinations (connector_id, created_at_ms, id);
CREATE INDEX destinations_by_environment ON destinations (project_id, environment);
CREATE UNIQUE INDEX destinations_responder ON destinations (connector_id) WHERE responder = 1;
CREATE INDEX destinations_by_master_key ON destinations (secrets_kid, id);
