-- Master keys are counted wherever they are needed, Grants included, so that a rotation knows when it is over.

-- Re-sealing walks (key, row) in order.
DROP INDEX IF EXISTS issuer_keys_by_master_key;
CREATE INDEX issuer_keys_by_master_key ON issuer_keys (private_jwk_kid, kid);
DROP INDEX IF EXISTS connectors_by_master_key;
CREATE INDEX connectors_by_master_key ON connectors (secrets_kid, id);

CREATE TABLE grant_keys (
  grant_name TEXT NOT NULL REFERENCES grants (name) ON DELETE CASCADE,
  kid TEXT NOT NULL,
  PRIMARY KEY (grant_name, kid)
) STRICT, WITHOUT ROWID;
CREATE INDEX grant_keys_by_master_key ON grant_keys (kid, grant_name);

-- Which keys the Grants of before need is known to themselves alone; they say it when they are asked to re-seal.
INSERT INTO grant_keys (grant_name, kid) SELECT name, '' FROM grants;

CREATE TABLE key_reseal (
  singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
  primary_kid TEXT NOT NULL,
  stage TEXT NOT NULL,
  after_kid TEXT NOT NULL DEFAULT '',
  after_id TEXT NOT NULL DEFAULT '',
  resealed INTEGER NOT NULL DEFAULT 0,
  missed INTEGER NOT NULL DEFAULT 0,
  due_at_ms INTEGER,
  started_at_ms INTEGER NOT NULL,
  finished_at_ms INTEGER
) STRICT;
