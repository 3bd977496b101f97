-- From now on every new line holds its version.
ALTER TABLE order_lines ALTER COLUMN holds_version SET DEFAULT 1
