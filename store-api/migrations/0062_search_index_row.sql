-- In the form 2 a word may reach over a space of a text, and accents fold. An index with something in it has the form 1, and
-- the first build of the form 2 makes it anew when it starts.
INSERT INTO search_index (id, form, item_blocks_left, store_blocks_left)
    SELECT 1, CASE WHEN EXISTS (SELECT 1 FROM items) OR EXISTS (SELECT 1 FROM stores) THEN 1 ELSE 2 END, 0, 0
