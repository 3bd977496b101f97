-- Most changes leave the words alone (a heart, a sale, a price): of these the index has to look at a few terms only.
ALTER TABLE search_changes ADD COLUMN only_facts BOOLEAN NOT NULL DEFAULT FALSE
