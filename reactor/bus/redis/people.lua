#!lua name=pylingo_people_1
-- The rows of the register: who people are, for all servers of a cluster.
--
-- KEYS: the version, the lineage (the newest versions, oldest first), then one hash for each table.

local LINEAGE = 1000

-- ARGV: the channel, and the message {known version, new version, {{index of the table, key, text or false}, ...}}.
-- Stores the rows and publishes the message untouched, unless the version is not the known one: returns OK, or the version.
local function store(keys, args)
  local known, new, rows = unpack(cjson.decode(args[2]))
  local version = redis.call('GET', keys[1]) or ''
  if version ~= known then
    return version
  end
  for _, row in ipairs(rows) do
    local table, key, text = keys[row[1] + 3], row[2], row[3]
    if text then
      redis.call('HSET', table, key, text)
    else
      redis.call('HDEL', table, key)
    end
  end
  redis.call('SET', keys[1], new)
  redis.call('RPUSH', keys[2], new)
  redis.call('LTRIM', keys[2], -LINEAGE, -1)
  redis.call('SPUBLISH', args[1], args[2])
  return redis.status_reply('OK')
end

-- ARGV: the known version. Returns the version; and, if it is another one, the lineage and the contents of each table.
local function read(keys, args)
  local version = redis.call('GET', keys[1]) or ''
  if version == args[1] then
    return {version}
  end
  local found = {version, redis.call('LRANGE', keys[2], 0, -1)}
  for index = 3, #keys do
    table.insert(found, redis.call('HGETALL', keys[index]))
  end
  return found
end

redis.register_function('pylingo_people_store_1', store)
redis.register_function{function_name = 'pylingo_people_read_1', callback = read, flags = {'no-writes'}}
