-- Builds before this one write the index in the form 1, and only while they hold this row. Without it they leave the changes
-- to a build of the new form. (Their commands `seed` and `rebuild-index` do not ask for the row: use those of the newest
-- build.) To go back to such a build, insert the row again and let that build rebuild the index.
DELETE FROM search_writer
