-- Accounts that an older build has closed are found by this index: the other services do not know of them.
ALTER TABLE members ADD INDEX members_by_closed (closed_at)
