-- Takes some requests out of a limit that all gateways share. It gives as many as there are, up to those that are wanted.
--
-- KEYS[1]  the theoretical arrival time of one client, in microseconds (see gcra.rs)
-- ARGV     the interval in which one request comes back, in microseconds; the quota; how many are wanted
--
-- Returns how many were taken, how many are left, and after how many microseconds all are allowed again.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, quota, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local depth = interval * quota

local tat = tonumber(redis.call('GET', KEYS[1]) or now) or now
-- A clock that was set back, or another rate before this one, must not keep a client out for longer than an interval.
local is_too_far = tat > now + depth
tat = math.min(math.max(tat, now), now + depth)
local left = math.floor((now + depth - tat) / interval)
local taken = math.min(left, wanted)
if taken > 0 or is_too_far then
  tat = tat + taken * interval
  redis.call('SET', KEYS[1], string.format('%.0f', tat), 'PX', math.ceil((tat - now) / 1000))
end
return {taken, left - taken, tat - now}
