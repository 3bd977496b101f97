-- The totals of lines that were paid before there were totals.
INSERT INTO seller_day_totals (business_day, seller_id, lane, gross, refunds)
SELECT business_day, seller_id, 0, SUM(line_total), SUM(IF(refund_day IS NULL, 0, line_total))
FROM order_lines
WHERE business_day IS NOT NULL
GROUP BY business_day, seller_id
