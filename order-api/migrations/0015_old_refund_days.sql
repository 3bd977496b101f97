-- No day was closed before there were settlements.
UPDATE order_lines SET refund_day = business_day WHERE refund_id IS NOT NULL AND refund_day IS NULL
