-- Blocks are 65,536 numbers from here on, a whole container of a bitmap: what was cut at other places is made anew.
DELETE FROM search_blocks
