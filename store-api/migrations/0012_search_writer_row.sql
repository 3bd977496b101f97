INSERT INTO search_writer (id) VALUES (1)
