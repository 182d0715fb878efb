#!lua flags=allow-oom
-- KEYS the stream of a room, the set of the stamps of its redacted messages
-- ARGV the stamp of a batch, the batch as the caller has read it, the same without the text of a message, the stamp of
-- that message
-- Replaces the batch. A stream takes no entry below its last, so it is written again under the same IDs. Returns 0 if the
-- batch has changed since, or is gone.

local MOST_EVENTS = 65535  -- of a batch

local id = ARGV[1] .. '-0'
local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
if not entry or entry[2][2] ~= ARGV[2] then return 0 end
local lifetime = redis.call('PTTL', KEYS[1])
local entries = redis.call('XRANGE', KEYS[1], '-', '+')
redis.call('DEL', KEYS[1])
for _, each in ipairs(entries) do
  if each[1] == id then each[2][2] = ARGV[3] end
  redis.call('XADD', KEYS[1], each[1], unpack(each[2]))
end

-- What is older than the stream is brought back by nobody.
local oldest = tonumber(string.match(entries[1][1], '%d+')) - MOST_EVENTS
for _, at in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  if tonumber(at) < oldest then redis.call('SREM', KEYS[2], at) end
end
redis.call('SADD', KEYS[2], ARGV[4])

if lifetime > 0 then
  redis.call('PEXPIRE', KEYS[1], lifetime)
  redis.call('PEXPIRE', KEYS[2], lifetime)
end
return 1
