-- Events carry our id of the installation that they are about.
ALTER TABLE events ADD COLUMN installation_id TEXT;
