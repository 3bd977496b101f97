-- Replaces the fields that are still as they were read.
-- KEYS[1]: the cart. ARGV: for each field its name, its value as it was read, and its new value; empty removes it.
local key = KEYS[1]
for i = 1, #ARGV, 3 do
    if redis.call('HGET', key, ARGV[i]) == ARGV[i + 1] then
        if ARGV[i + 2] == '' then
            redis.call('HDEL', key, ARGV[i])
        else
            redis.call('HSET', key, ARGV[i], ARGV[i + 2])
        end
    end
end
