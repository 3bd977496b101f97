-- Removes ordered pieces from the line versions that were ordered.
-- KEYS[1]: the cart.
-- ARGV: for each line the option id, the version, the pieces, and the version of the line if it still has pieces.
local key = KEYS[1]
for i = 1, #ARGV, 4 do
    local stored = redis.call('HGET', key, ARGV[i])
    local pieces, version, seen = string.match(stored or '', '^1:(%d+):(%x+):(.*)$')
    if version == ARGV[i + 1] then
        local left = tonumber(pieces) - tonumber(ARGV[i + 2])
        if left > 0 then
            redis.call('HSET', key, ARGV[i], string.format('1:%d:%s:%s', left, ARGV[i + 3], seen))
        else
            redis.call('HDEL', key, ARGV[i])
        end
    end
end
