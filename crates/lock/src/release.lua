-- Ends the lease of ARGV[1], and nobody else's; gives how many that were.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
return redis.call('DEL', KEYS[1])
