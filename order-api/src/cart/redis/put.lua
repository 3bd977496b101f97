-- Puts pieces of an option into a cart.
-- KEYS[1]: the cart. KEYS[2]: the note that this operation was done, if the request has an Idempotency-Key.
-- ARGV: ADD or SET, option id, pieces, line version, what the customer sees, largest number of lines, largest number of
-- pieces, expiry of the cart and of the note in seconds.
-- Returns the reason of a refusal or false, and the whole cart.
local key, note = KEYS[1], KEYS[2]
local mode, option, pieces, version, seen = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
if note and redis.call('EXISTS', note) == 1 then
    return { false, redis.call('HGETALL', key) }
end

-- The lines of other builds, in a format that this one does not know, do not count.
local function is_full(max_lines)
    local lines = 0
    if redis.call('HLEN', key) >= max_lines then
        for _, line in ipairs(redis.call('HVALS', key)) do
            if string.sub(line, 1, 2) == '1:' then
                lines = lines + 1
            end
        end
    end
    return lines >= max_lines
end

local stored = redis.call('HGET', key, option)
local old_pieces, old_version, old_seen = string.match(stored or '', '^1:(%d+):(%x+):(.*)$')
if old_pieces then
    seen = old_seen
    -- Adding pieces keeps the version of the line. Setting the quantity makes a new version.
    if mode == 'ADD' then
        pieces, version = pieces + tonumber(old_pieces), old_version
    end
elseif is_full(tonumber(ARGV[6])) then
    return { 'LINES', {} }
end
if pieces > tonumber(ARGV[7]) then
    return { 'PIECES', {} }
end
redis.call('HSET', key, option, string.format('1:%d:%s:%s', pieces, version, seen))
redis.call('EXPIRE', key, ARGV[8])
if note then
    redis.call('SET', note, '1', 'EX', ARGV[9])
end
return { false, redis.call('HGETALL', key) }
