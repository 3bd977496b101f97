-- Ends the lease of ARGV[1] and of no other holder. Gives how many leases were ended.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
return redis.call('DEL', KEYS[1])
