-- Which day a refund lowers: the line's own, or, where that was closed, the one on which it was accepted.
ALTER TABLE order_lines
    ADD COLUMN refund_day DATE NULL COMMENT 'the business day that the refund lowers' AFTER refund_id,
    ADD CONSTRAINT order_lines_refund_day_check CHECK (refund_day IS NULL OR refund_id IS NOT NULL)
