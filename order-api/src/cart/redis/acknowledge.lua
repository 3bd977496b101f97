-- Replaces the lines that have not changed since they were read.
-- KEYS[1]: the cart. KEYS[2]: the note that this operation was done, if the request has an Idempotency-Key.
-- ARGV: the expiry of the cart and of the note in seconds. Then for each line the option id, the value that was read, and the
-- new value. An empty new value removes the line.
-- Returns the whole cart.
local key, note = KEYS[1], KEYS[2]
for i = 3, #ARGV, 3 do
    if redis.call('HGET', key, ARGV[i]) == ARGV[i + 1] then
        if ARGV[i + 2] == '' then
            redis.call('HDEL', key, ARGV[i])
        else
            redis.call('HSET', key, ARGV[i], ARGV[i + 2])
        end
    end
end
redis.call('EXPIRE', key, ARGV[1])
if note then
    redis.call('SET', note, '1', 'EX', ARGV[2])
end
return redis.call('HGETALL', key)
