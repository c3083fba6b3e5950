-- Repeated creations are answered with what was created.
CREATE TABLE idempotency_keys (
  id TEXT PRIMARY KEY,
  claimed_at_ms INTEGER NOT NULL,
  answer_sealed TEXT,
  answer_kid TEXT,
  expires_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at_ms);
CREATE INDEX idempotency_keys_by_master_key ON idempotency_keys (answer_kid, id);

-- A connector may be made before it is complete.
ALTER TABLE connectors ADD COLUMN draft INTEGER NOT NULL DEFAULT 0 CHECK (draft IN (0, 1));
ALTER TABLE connectors ADD COLUMN connection_method TEXT;
ALTER TABLE connectors ADD COLUMN target TEXT;
