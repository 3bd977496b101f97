-- Puts pieces of an option into a cart.
-- KEYS[1]: the cart.
-- ARGV: ADD or SET, option id, pieces, line version, what the customer sees, largest number of lines, largest number of
-- pieces, expiry in seconds.
-- Returns the reason of a refusal or false, and the whole cart.
local key, mode, option, pieces, version, seen = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local stored = redis.call('HGET', key, option)
if stored then
    local old_pieces, old_version, old_seen = string.match(stored, '^1:(%d+):(%x+):(.*)$')
    seen = old_seen or seen
    -- Adding pieces keeps the version of the line. Setting the quantity makes a new version.
    if mode == 'ADD' and old_pieces then
        pieces, version = pieces + tonumber(old_pieces), old_version
    end
elseif redis.call('HLEN', key) >= tonumber(ARGV[6]) then
    return { 'LINES', {} }
end
if pieces > tonumber(ARGV[7]) then
    return { 'PIECES', {} }
end
redis.call('HSET', key, option, string.format('1:%d:%s:%s', pieces, version, seen))
redis.call('EXPIRE', key, ARGV[8])
return { false, redis.call('HGETALL', key) }
