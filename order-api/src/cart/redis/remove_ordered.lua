-- Takes ordered pieces off the wishes that they were ordered from.
-- KEYS[1]: the cart. ARGV[1]: the wish that a rest becomes. Then for each line: option id, wish, pieces.
local key, rest = KEYS[1], ARGV[1]
for i = 2, #ARGV, 3 do
    local stored = redis.call('HGET', key, ARGV[i])
    local pieces, wish, seen = string.match(stored or '', '^1:(%d+):(%x+):(.*)$')
    if wish == ARGV[i + 1] then
        local left = tonumber(pieces) - tonumber(ARGV[i + 2])
        if left > 0 then
            redis.call('HSET', key, ARGV[i], string.format('1:%d:%s:%s', left, rest, seen))
        else
            redis.call('HDEL', key, ARGV[i])
        end
    end
end
