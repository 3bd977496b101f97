-- The headers of a kept answer beside `Content-Type` and `Location`, for example `ETag` (crate `idempotency`).
ALTER TABLE idempotency_keys ADD COLUMN headers TEXT NULL;
