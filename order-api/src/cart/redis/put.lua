-- Puts pieces of an option into a cart.
-- KEYS[1]: the cart. ARGV: ADD or SET, option id, pieces, wish, what is seen, most lines, most pieces, expiry in seconds.
-- Answers a refusal or false, and the whole cart.
local key, mode, option, pieces, wish, seen = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local stored = redis.call('HGET', key, option)
if stored then
    local old_pieces, old_wish, old_seen = string.match(stored, '^1:(%d+):(%x+):(.*)$')
    seen = old_seen or seen
    -- What is added belongs to the same wish; what is set is another one.
    if mode == 'ADD' and old_pieces then
        pieces, wish = pieces + tonumber(old_pieces), old_wish
    end
elseif redis.call('HLEN', key) >= tonumber(ARGV[6]) then
    return { 'LINES', {} }
end
if pieces > tonumber(ARGV[7]) then
    return { 'PIECES', {} }
end
redis.call('HSET', key, option, string.format('1:%d:%s:%s', pieces, wish, seen))
redis.call('EXPIRE', key, ARGV[8])
return { false, redis.call('HGETALL', key) }
