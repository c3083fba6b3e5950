-- The event log: what providers sent, and where it went. A database of its own, so that its writes never wait for the
-- control plane's, nor the other way round. Ids of connectors and destinations refer to that other database.
-- Times are milliseconds since the epoch, sets and objects JSON text.

CREATE TABLE IF NOT EXISTS events (
  id TEXT PRIMARY KEY,
  connector_id TEXT NOT NULL,
  -- The provider's id of the event, or the hash of its payload: what repeats are known by.
  dedup_key TEXT NOT NULL,
  dedup_signed INTEGER NOT NULL,
  type TEXT,
  tenants TEXT NOT NULL,
  received_at_ms INTEGER NOT NULL,
  sent_at_ms INTEGER,
  content_type TEXT,
  headers TEXT NOT NULL,
  size INTEGER NOT NULL,
  body_sha256 TEXT NOT NULL,
  -- recorded: its deliveries are not all with their lanes yet. dispatched: they are. unrouted: no destination wanted it,
  -- or it is suspected to be a replay.
  state TEXT NOT NULL CHECK (state IN ('recorded', 'dispatched', 'unrouted')),
  -- How often the provider sent it again.
  duplicates INTEGER NOT NULL DEFAULT 0,
  -- An earlier event with the same payload under another unsigned id.
  suspected_replay_of TEXT,
  -- Of the deliveries that are made of it now: 0, or the provider's redelivery of what nobody received.
  series INTEGER NOT NULL DEFAULT 0,
  -- The payload: at most 4 KiB here, sealed (base64url); else a blob; neither = purged or not kept.
  body_sealed TEXT,
  body_blob TEXT,
  body_segment_bytes INTEGER,
  -- The master key that the payload needs. Payloads are not re-sealed: they expire.
  body_kid TEXT,
  -- Its connector keeps payloads only until they are delivered.
  body_transient INTEGER NOT NULL DEFAULT 0 CHECK (body_transient IN (0, 1)),
  -- When the payload is purged, and when the row is.
  body_expires_at_ms INTEGER,
  expires_at_ms INTEGER NOT NULL,
  -- Our id of the installation that it is about.
  installation_id TEXT,
  UNIQUE (connector_id, dedup_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS events_by_connector ON events (connector_id, id);
CREATE INDEX IF NOT EXISTS events_by_payload ON events (connector_id, body_sha256);
CREATE INDEX IF NOT EXISTS events_open ON events (id) WHERE state = 'recorded';
CREATE INDEX IF NOT EXISTS events_by_payload_expiry ON events (body_expires_at_ms) WHERE body_expires_at_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS events_by_expiry ON events (expires_at_ms);
CREATE INDEX IF NOT EXISTS events_by_master_key ON events (body_kid, id) WHERE body_kid IS NOT NULL;

CREATE TABLE IF NOT EXISTS deliveries (
  -- A hash of (event, destination, series).
  id TEXT PRIMARY KEY,
  event_id TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
  connector_id TEXT NOT NULL,
  destination_id TEXT NOT NULL,
  -- 0, or the replay that made it.
  series INTEGER NOT NULL,
  lane INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead', 'canceled')),
  ended_because TEXT,
  attempt_count INTEGER NOT NULL DEFAULT 0,
  -- The last twelve.
  attempts TEXT NOT NULL DEFAULT '[]',
  next_attempt_at_ms INTEGER,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event_id);
CREATE INDEX IF NOT EXISTS deliveries_by_destination ON deliveries (destination_id, state, event_id);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (next_attempt_at_ms) WHERE state = 'pending';

-- Messages that fan-out could not use, with their sealed payload; looked at and sent again by an operator.
CREATE TABLE IF NOT EXISTS dead_letters (
  id TEXT PRIMARY KEY,
  connector_id TEXT,
  event_id TEXT,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  -- The master key that the payload needs. Empty = nobody knows: it could not be read, or is older than this column.
  body_kid TEXT DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS dead_letters_by_expiry ON dead_letters (expires_at_ms);
CREATE INDEX IF NOT EXISTS dead_letters_by_master_key ON dead_letters (body_kid, id) WHERE body_kid IS NOT NULL;

-- Bulk replays, worked off in steps by the Housekeeper.
CREATE TABLE IF NOT EXISTS replays (
  id TEXT PRIMARY KEY,
  -- What is to be replayed (JSON): connector, destination, states, times, and whether delivered ones come again.
  request TEXT NOT NULL,
  after_id TEXT NOT NULL DEFAULT '',
  made INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL CHECK (state IN ('running', 'done', 'canceled')),
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS replays_open ON replays (id) WHERE state = 'running';
