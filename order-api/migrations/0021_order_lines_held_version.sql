-- The version of the cart line that this line holds. A line that fails lets go of it in the statement that fails it.
ALTER TABLE order_lines ADD COLUMN held_version BINARY(16) AS (CASE WHEN holds_version = 1 AND status <> 'FAILED' THEN wish END) VIRTUAL
