-- Removes ordered pieces from the line versions that were ordered.
-- KEYS[1]: the cart.
-- ARGV[1]: the version of a line that still has pieces. Then for each line the option id, the version, and the pieces.
local key, rest_version = KEYS[1], ARGV[1]
for i = 2, #ARGV, 3 do
    local stored = redis.call('HGET', key, ARGV[i])
    local pieces, version, seen = string.match(stored or '', '^1:(%d+):(%x+):(.*)$')
    if version == ARGV[i + 1] then
        local left = tonumber(pieces) - tonumber(ARGV[i + 2])
        if left > 0 then
            redis.call('HSET', key, ARGV[i], string.format('1:%d:%s:%s', left, rest_version, seen))
        else
            redis.call('HDEL', key, ARGV[i])
        end
    end
end
