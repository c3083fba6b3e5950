-- Dead letters say which master key their payload needs. Those that are there, and those that the code of before still
-- writes, do not: an empty key keeps any from being dropped until they are over.
ALTER TABLE dead_letters ADD COLUMN body_kid TEXT DEFAULT '';
CREATE INDEX dead_letters_by_master_key ON dead_letters (body_kid, id) WHERE body_kid IS NOT NULL;
