-- Takes the lock for ARGV[1], for ARGV[2] milliseconds, and gives 1. Where somebody else holds it, leaves
-- word for ARGV[3] milliseconds that it is wanted, and gives 0.
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
    return 1
end
redis.call('SET', KEYS[2], '', 'PX', ARGV[3])
return 0
