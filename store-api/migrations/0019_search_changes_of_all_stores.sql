INSERT INTO search_changes (corpus, number) SELECT 'STORES', number FROM stores WHERE live = 1 ORDER BY number
