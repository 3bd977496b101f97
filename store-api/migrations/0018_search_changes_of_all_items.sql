-- Where there are very many, `store-api rebuild-index` is quicker than working these off.
INSERT INTO search_changes (corpus, number) SELECT 'ITEMS', number FROM items WHERE live = 1 ORDER BY number
