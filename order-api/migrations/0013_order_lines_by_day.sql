-- The proof of a day's sales reads this index, and nothing else.
CREATE INDEX order_lines_by_day ON order_lines (business_day, paid_at, seller_id, line_total)
