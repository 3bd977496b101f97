-- A version of a cart line is in one order that has not failed. Lines that are older than this rule have NULL here: of them
-- a version may be in two orders. 0023 makes 1 the default, also for the lines of a build that does not know this column.
ALTER TABLE order_lines ADD COLUMN holds_version TINYINT UNSIGNED NULL COMMENT '1: no other order may have this version; NULL: older than this rule'
