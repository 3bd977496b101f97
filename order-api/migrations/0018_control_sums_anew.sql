-- What was read ahead knows nothing of refunds, and is read again.
DELETE FROM control_sums
