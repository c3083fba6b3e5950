-- The own issuer's keys rotate: each signs from one moment to another.
ALTER TABLE issuer_keys ADD COLUMN not_before_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE issuer_keys ADD COLUMN retired_at_ms INTEGER;
UPDATE issuer_keys SET not_before_ms = created_at_ms;
