-- What was listed before there was an index.
INSERT INTO search_changes (corpus, number) SELECT 'ITEMS', number FROM items WHERE live = 1 ORDER BY number
