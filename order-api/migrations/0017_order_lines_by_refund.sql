-- The proof of a day's refunds reads this index, and nothing else: in the order in which they were accepted, since ids are
-- made by the clock.
ALTER TABLE order_lines
    DROP INDEX order_lines_by_refund_day,
    ADD INDEX order_lines_by_refund (refund_day, refund_id, seller_id, line_total)
