-- Replaces the lines that have not changed since they were read.
-- KEYS[1]: the cart.
-- ARGV: for each line the option id, the value that was read, and the new value. An empty new value removes the line.
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
