//! The promises in SQL: each statement gives a number that is zero if the promise is kept.

/// What is counted if a promise is broken, and the statement that counts it.
pub(super) type Promise = (&'static str, &'static str);

/// They must be zero at every moment.
pub(super) const ALWAYS: [Promise; 9] = [
    ("the sum of all postings", "SELECT CAST(COALESCE(SUM(amount), 0) AS SIGNED) FROM member.postings"),
    (
        "transfers whose postings do not sum to zero",
        "SELECT COUNT(*) FROM (SELECT transfer_id FROM member.postings GROUP BY transfer_id HAVING SUM(amount) <> 0) x",
    ),
    (
        "wallets that are not the sum of their postings or are below zero",
        "SELECT COUNT(*) FROM member.wallets w WHERE w.balance < 0 OR w.balance <> \
         (SELECT COALESCE(SUM(amount), 0) FROM member.postings p WHERE p.account = w.member_id)",
    ),
    (
        "options whose stock does not add up or is below zero",
        "SELECT COUNT(*) FROM store.options WHERE on_hand + reserved + sold - restocked <> supplied \
         OR LEAST(on_hand, reserved, sold, restocked) < 0",
    ),
    (
        "orders whose total is not the sum of their lines",
        "SELECT COUNT(*) FROM orders.orders o WHERE o.total <> \
         (SELECT COALESCE(SUM(line_total), 0) FROM orders.order_lines l WHERE l.order_id = o.id)",
    ),
    (
        "orders without an Idempotency-Key, of customers whose accounts are open",
        "SELECT COUNT(*) FROM orders.orders o \
         LEFT JOIN orders.idempotency_keys k ON k.operation_id = o.id WHERE k.operation_id IS NULL \
         AND o.customer_id NOT IN (SELECT id FROM member.members WHERE closed_at IS NOT NULL)",
    ),
    (
        "versions of cart lines in more than one order that has not failed",
        "SELECT COUNT(*) FROM (SELECT wish FROM orders.order_lines WHERE status <> 'FAILED' \
         GROUP BY wish HAVING COUNT(*) > 1) x",
    ),
    (
        "lines that were refunded or cancelled more than once",
        "SELECT COUNT(*) FROM (SELECT line_id FROM orders.line_changes \
         WHERE new_status IN ('REFUNDED', 'CANCELLED') GROUP BY line_id HAVING COUNT(*) > 1) x",
    ),
    (
        "wallets of closed accounts with money",
        "SELECT COUNT(*) FROM member.wallets w JOIN member.members m ON m.id = w.member_id \
         WHERE m.closed_at IS NOT NULL AND w.balance <> 0",
    ),
];

/// They must be zero when all work is finished.
pub(super) const WHEN_IDLE: [Promise; 24] = [
    ("orders that are not finished", "SELECT COUNT(*) FROM orders.orders WHERE status = 'PENDING'"),
    ("checkouts that are not finished", "SELECT COUNT(*) FROM orders.checkouts"),
    ("entries in the outbox", "SELECT COUNT(*) FROM orders.outbox"),
    (
        "pieces that are still reserved",
        "SELECT CAST(COALESCE(SUM(reserved), 0) AS SIGNED) FROM store.options",
    ),
    ("reservations that are still held", "SELECT COUNT(*) FROM store.reservations WHERE status = 'HELD'"),
    (
        "confirmed orders without the payment of exactly their total",
        "SELECT COUNT(*) FROM orders.orders o WHERE o.status = 'CONFIRMED' AND NOT EXISTS \
         (SELECT 1 FROM member.transfers t \
          JOIN member.postings w ON w.transfer_id = t.id AND w.account = o.customer_id AND w.amount = -o.total \
          JOIN member.postings e ON e.transfer_id = t.id AND e.amount = o.total \
               AND e.account = x'00000000000000000000000000000002' \
          WHERE t.id = o.id AND t.kind = 'ORDER_PAYMENT')",
    ),
    (
        "payments without an order",
        "SELECT COUNT(*) FROM member.transfers t LEFT JOIN orders.orders o ON o.id = t.id \
         WHERE t.kind = 'ORDER_PAYMENT' AND o.id IS NULL",
    ),
    (
        "orders that cost the customer more or less than the lines that were not refunded or cancelled",
        "SELECT COUNT(*) FROM orders.orders o LEFT JOIN \
           (SELECT UNHEX(REPLACE(t.reference, '-', '')) AS order_id, SUM(p.amount) AS net FROM member.transfers t \
            JOIN member.postings p ON p.transfer_id = t.id AND p.entry_no IS NOT NULL \
            WHERE t.kind IN ('ORDER_PAYMENT', 'REFUND') GROUP BY t.reference) moved ON moved.order_id = o.id \
         WHERE COALESCE(moved.net, 0) <> -(SELECT COALESCE(SUM(l.line_total), 0) FROM orders.order_lines l \
           WHERE l.order_id = o.id AND l.status IN ('ORDERED', 'REFUND_REQUESTED', 'REFUND_REJECTED'))",
    ),
    (
        "refunded or cancelled lines without the refund of exactly their total",
        "SELECT COUNT(*) FROM orders.order_lines l JOIN orders.orders o ON o.id = l.order_id \
         WHERE l.refund_id IS NOT NULL AND (l.refunded_at IS NULL OR NOT EXISTS \
           (SELECT 1 FROM member.transfers t JOIN member.postings p ON p.transfer_id = t.id \
            AND p.account = o.customer_id AND p.amount = l.line_total \
            WHERE t.id = l.refund_id AND t.kind = 'REFUND'))",
    ),
    (
        "refunds without a refunded or cancelled line or a failed order",
        "SELECT COUNT(*) FROM member.transfers t \
         LEFT JOIN orders.order_lines l ON l.refund_id = t.id \
         LEFT JOIN orders.orders o ON o.id = UNHEX(REPLACE(t.reference, '-', '')) AND o.status = 'FAILED' \
         WHERE t.kind = 'REFUND' AND l.id IS NULL AND o.id IS NULL",
    ),
    (
        "difference in won between escrow and the lines that are neither refunded nor paid out",
        "SELECT CAST((SELECT COALESCE(SUM(amount), 0) FROM member.postings \
           WHERE account = x'00000000000000000000000000000002') \
         - (SELECT COALESCE(SUM(line_total), 0) FROM orders.order_lines \
            WHERE status IN ('ORDERED', 'REFUND_REQUESTED', 'REFUND_REJECTED')) \
         + (SELECT COALESCE(SUM(amount), 0) FROM orders.payouts WHERE paid_at IS NOT NULL) AS SIGNED)",
    ),
    (
        "options that were sold more or less often than they were ordered",
        "SELECT COUNT(*) FROM store.options o WHERE o.sold <> \
         (SELECT COALESCE(SUM(l.quantity), 0) FROM orders.order_lines l \
          JOIN orders.orders p ON p.id = l.order_id AND p.status = 'CONFIRMED' \
          JOIN store.reservations r ON r.order_id = p.id AND r.status = 'CONFIRMED' WHERE l.option_id = o.id)",
    ),
    (
        "options that were restocked more or less often than their lines were refunded or cancelled",
        "SELECT COUNT(*) FROM store.options o WHERE o.restocked <> \
         (SELECT COALESCE(SUM(l.quantity), 0) FROM orders.order_lines l \
          JOIN store.reservations r ON r.order_id = l.order_id AND r.status = 'CONFIRMED' \
          WHERE l.option_id = o.id AND l.status IN ('REFUNDED', 'CANCELLED'))",
    ),
    (
        "lines of a customer without sold stock",
        "SELECT COUNT(*) FROM orders.order_lines l JOIN orders.orders o ON o.id = l.order_id \
         LEFT JOIN store.reservations r ON r.order_id = o.id AND r.status = 'CONFIRMED' \
         WHERE o.status = 'CONFIRMED' AND l.status <> 'CANCELLED' AND r.order_id IS NULL",
    ),
    (
        "confirmed reservations without a confirmed order",
        "SELECT COUNT(*) FROM store.reservations r \
         LEFT JOIN orders.orders o ON o.id = r.order_id AND o.status = 'CONFIRMED' \
         WHERE r.status = 'CONFIRMED' AND o.id IS NULL",
    ),
    (
        "items whose number of sold pieces is not what was sold of their options less what came back",
        "SELECT COUNT(*) FROM store.items i WHERE i.sold <> \
         (SELECT COALESCE(SUM(o.sold - o.restocked), 0) FROM store.options o WHERE o.item_id = i.id)",
    ),
    (
        "items whose price is not the lowest that can be bought, or of all where nothing can",
        "SELECT COUNT(*) FROM store.items i WHERE i.live = 1 AND i.min_price <> \
         (SELECT COALESCE(MIN(IF(o.on_hand > 0, o.price, NULL)), MIN(o.price)) \
          FROM store.options o WHERE o.item_id = i.id AND o.live = 1)",
    ),
    (
        "lines whose history does not end with their status",
        "SELECT COUNT(*) FROM orders.order_lines l WHERE l.status NOT IN ('PENDING', 'FAILED') \
         AND l.status <> COALESCE((SELECT c.new_status FROM orders.line_changes c WHERE c.line_id = l.id \
           ORDER BY c.changed_at DESC, c.id DESC LIMIT 1), 'ORDERED')",
    ),
    (
        "running totals of a seller's day that are not the sums of its lines",
        "SELECT COUNT(*) FROM (SELECT business_day, seller_id FROM \
           (SELECT business_day, seller_id, gross, refunds FROM orders.seller_day_totals \
            UNION ALL SELECT business_day, seller_id, -line_total, 0 FROM orders.order_lines \
              WHERE business_day IS NOT NULL \
            UNION ALL SELECT refund_day, seller_id, 0, -line_total FROM orders.order_lines \
              WHERE refund_day IS NOT NULL) entries \
         GROUP BY business_day, seller_id HAVING SUM(gross) <> 0 OR SUM(refunds) <> 0) x",
    ),
    (
        "closings of accounts that are not finished, and marks of those that were given up",
        "SELECT (SELECT COUNT(*) FROM member.account_closings WHERE phase IN ('DECIDING', 'UNDOING', 'FORGETTING')) \
         + (SELECT COUNT(*) FROM orders.member_closings WHERE state = 'CLOSING') \
         + (SELECT COUNT(*) FROM store.member_closings WHERE state = 'CLOSING')",
    ),
    (
        "names of closed members in orders",
        "SELECT COUNT(*) FROM orders.orders o JOIN member.members m ON m.id = o.customer_id \
         WHERE m.closed_at IS NOT NULL AND o.customer_name <> m.name",
    ),
    (
        "open orders and refunds of closed customers, and open stores and refunds of closed sellers",
        "SELECT (SELECT COUNT(*) FROM orders.order_lines l JOIN orders.orders o ON o.id = l.order_id \
           JOIN member.members m ON m.id IN (o.customer_id, l.seller_id) \
           WHERE m.closed_at IS NOT NULL AND l.status IN ('PENDING', 'REFUND_REQUESTED')) \
         + (SELECT COUNT(*) FROM store.stores s JOIN member.members m ON m.id = s.seller_id \
           WHERE m.closed_at IS NOT NULL AND s.live = 1)",
    ),
    (
        "hearts and follows of closed members",
        "SELECT COUNT(*) FROM (SELECT member_id FROM store.hearts UNION ALL SELECT member_id FROM store.follows) marks \
         JOIN member.members m ON m.id = marks.member_id WHERE m.closed_at IS NOT NULL",
    ),
    (
        "counts of hearts and followers that are not the number of rows",
        "SELECT (SELECT COUNT(*) FROM store.items i WHERE i.hearts <> \
           (SELECT COUNT(*) FROM store.hearts h WHERE h.item_id = i.id)) \
         + (SELECT COUNT(*) FROM store.stores s WHERE s.followers <> \
           (SELECT COUNT(*) FROM store.follows f WHERE f.store_id = s.id))",
    ),
];
