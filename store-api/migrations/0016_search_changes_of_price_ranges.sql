-- Ranges of prices are terms of their own from here on: what was indexed without them is looked at again.
INSERT INTO search_changes (corpus, number, only_facts)
    SELECT 'ITEMS', number, TRUE FROM items WHERE live = 1 ORDER BY number
