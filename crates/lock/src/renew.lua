-- Begins the lease of ARGV[2] milliseconds anew where ARGV[1] still holds the lock, and gives 1, or 2 where
-- others want it. Gives 0 where it does not hold it any more.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1 + redis.call('EXISTS', KEYS[2])
