-- If ARGV[1] still holds the lock: begins its lease of ARGV[2] milliseconds anew, and gives 1, or 2 if others want the lock.
-- Otherwise gives 0.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1 + redis.call('EXISTS', KEYS[2])
