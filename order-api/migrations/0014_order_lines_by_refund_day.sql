-- The proof of a day's refunds reads this index, and nothing else.
CREATE INDEX order_lines_by_refund_day ON order_lines (refund_day, seller_id, line_total)
