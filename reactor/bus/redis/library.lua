#!lua name=pylingo_1
-- What Redis decides for a cluster of servers: order, stamps, names, and whose the sessions are.
-- All keys and channels of one call are of one lane. Values marked "packed" are MessagePack.
--
--   fence:S      the generation of server S's connections, or 'reaped'
--   here:S       set of "number room": the members of this lane's rooms that S answers for
--   r:ROOM       stream of batches, b = the batch, p = the stamp before it;  h:ROOM the newest stamp
--   m:ROOM       hash: session number -> packed [name, fingerprint, operator, compared name]
--   n:ROOM       hash: compared name -> the number of its sessions in the room
--   t:ROOM       packed [topic, by, at];  dead:ROOM set of the stamps of redacted messages
--   o:ROOM       hash: the charter of the room, with the field 'logged' if anything was said there
--   rooms        hash: ROOM -> packed [spelling, people]
-- In lane 0: sessions (number -> packed record), of:S (set of the sessions of S), names (compared name -> numbers), tok
-- (digest -> number), servers (S -> packed state), stopping (set of those that stop as planned), reaping (S -> the server
-- that gives S up), taken:S (sessions that others have taken from S).

local REAPED = 'reaped'
local GENERATIONS = 1048576  -- connections for each server; above that stands a random number, its own
local DAYS_7 = 604800
local LARGE = 4096  -- bytes of a batch, for each 1,000 of which it takes 1.4 us to join them with its stamps

local function fenced()
  return redis.error_reply('FENCED this server was given up by the others')
end

-- The error for a commit of a server with this generation; nil if there is none.
local function refused(fence, generation)
  local value = redis.call('GET', fence)
  if value == generation then return nil end
  if value == REAPED then return fenced() end
  return redis.error_reply('STALE this connection is not the newest one of its server')
end

local function is_reaped(fence)
  return redis.call('GET', fence) == REAPED
end

local function number_text(number)
  return string.format('%.0f', number)
end

-- A session changes its server. A server that does not know it yet has a record with fewer moves.
local function move(record, server)
  record['s'] = tonumber(server)
  record['m'] = (record['m'] or 0) + 1
end

-- --- rooms

local function count_out(n, member)
  local compared = cmsgpack.unpack(member)[4]
  if redis.call('HINCRBY', n, compared, -1) <= 0 then redis.call('HDEL', n, compared) end
end

local function set_member(m, n, number, member)
  local old = redis.call('HGET', m, number)
  if old == member then return end
  if old then count_out(n, old) end
  redis.call('HSET', m, number, member)
  redis.call('HINCRBY', n, cmsgpack.unpack(member)[4], 1)
end

local function remove_member(m, n, number)
  local old = redis.call('HGET', m, number)
  if not old then return end
  redis.call('HDEL', m, number)
  count_out(n, old)
end

-- The members have changed: count them in `rooms`, and let everything of an empty room expire.
local function recount(rooms, r, h, n, t, o, dead, room, spelling)
  local people = redis.call('HLEN', n)
  if people == 0 then
    redis.call('HDEL', rooms, room)
    for _, key in ipairs({r, h, t, o, dead}) do redis.call('EXPIRE', key, DAYS_7) end
    return
  end
  local old = redis.call('HGET', rooms, room)
  local before = 0
  if old then
    local record = cmsgpack.unpack(old)
    spelling, before = record[1], record[2]
  end
  if before ~= people then redis.call('HSET', rooms, room, cmsgpack.pack({spelling, people})) end
  if before == 0 then
    for _, key in ipairs({r, h, t, o, dead}) do redis.call('PERSIST', key) end
  end
end

-- Do what one op of a batch changes.
local function change(op, here, m, n, t, o, room, top)
  local kind = op[1]
  if kind == 'set' and redis.call('HLEN', n) == 0 and redis.call('EXISTS', o) == 0 then
    redis.call('HSET', o, op[4], op[5])  -- an empty room without a log belongs to the one who enters it
  end
  if kind == 'set' or (kind == 'change' and redis.call('HEXISTS', m, op[2]) == 1) then
    set_member(m, n, op[2], op[3])
    redis.call('SADD', here, op[2] .. ' ' .. room)
  elseif kind == 'out' then
    remove_member(m, n, op[2])
    redis.call('SREM', here, op[2] .. ' ' .. room)
    if redis.call('HLEN', n) == 0 and redis.call('HEXISTS', o, 'logged') == 0 then redis.call('DEL', o) end
  elseif kind == 'charter' and op[3] then
    redis.call('HSET', o, op[2], op[3])
  elseif kind == 'charter' then
    redis.call('HDEL', o, op[2])
  elseif kind == 'topic' and op[2] then
    redis.call('SET', t, cmsgpack.pack({op[2], op[3], tonumber(top) - op[4]}))
  elseif kind == 'topic' then
    redis.call('DEL', t)
  end
end

local function newest(r)
  local last = redis.call('XREVRANGE', r, '+', '-', 'COUNT', 1)[1]
  return last and string.match(last[1], '%d+') or '0'
end

-- Append a batch. Returns its stamp, raised where that is needed, and the stamp before it.
local function append(r, h, keep, top, count, batch)
  local before = redis.call('SET', h, top, 'GET', 'KEEPTTL')
  if not before then before = newest(r) end
  for _ = 1, 2 do
    if tonumber(before) > tonumber(top) - count then
      top = number_text(tonumber(before) + count)
      redis.call('SET', h, top, 'KEEPTTL')
    end
    local reply = redis.pcall('XADD', r, 'MAXLEN', '~', keep, top .. '-0', 'b', batch, 'p', before)
    if type(reply) ~= 'table' then return top, before end
    before = newest(r)  -- the stream is ahead of its head, which was lost
  end
  return top, before
end

-- Publish a batch behind its stamps. Making one string of both takes Lua long if it is large: then it follows alone.
local function publish(channel, stamps, batch)
  if #batch < LARGE then
    redis.call('SPUBLISH', channel, stamps .. ' ' .. batch)
  else
    redis.call('SPUBLISH', channel, stamps)
    redis.call('SPUBLISH', channel, batch)
  end
end

-- KEYS fence here rooms, then for each room r h, and m n t o dead behind them if the room has ops
-- ARGV generation keep prefix of channels, then for each room: room spelling top count batch ops
--   ops: '' or a packed list of ["set", number, member, field of an operator, name], ["change", number, member] for one
--   that is in, ["out", number], ["topic", text or false, by, steps below the top], ["charter", field, value or false]
-- Returns the stamp of each batch.
local function commit(keys, args)
  local error = refused(keys[1], args[1])
  if error then return error end
  local keep, prefix = args[2], args[3]
  local tops, i = {}, 4
  for j = 4, #args, 6 do
    local room, batch, ops = args[j], args[j + 4], args[j + 5]
    local r, h = keys[i], keys[i + 1]
    local top, before = append(r, h, keep, args[j + 2], tonumber(args[j + 3]), batch)
    i = i + 2
    if ops ~= '' then
      local m, n, t, o, dead = keys[i], keys[i + 1], keys[i + 2], keys[i + 3], keys[i + 4]
      for _, op in ipairs(cmsgpack.unpack(ops)) do
        change(op, keys[2], m, n, t, o, room, top)
      end
      recount(keys[3], r, h, n, t, o, dead, room, args[j + 1])
      i = i + 5
    end
    publish(prefix .. 'r:' .. room, before .. ' ' .. top, batch)
    tops[#tops + 1] = top
  end
  return tops
end

-- KEYS rooms h m t o ; ARGV room spelling
-- Reserves the spelling. Returns the spelling, the newest stamp, the members, the topic ('' for none) and the charter.
local function look(keys, args)
  redis.call('HSETNX', keys[1], args[1], cmsgpack.pack({args[2], 0}))
  return {
    cmsgpack.unpack(redis.call('HGET', keys[1], args[1]))[1],
    redis.call('GET', keys[2]) or '0',
    redis.call('HGETALL', keys[3]),
    redis.call('GET', keys[4]) or '',
    redis.call('HGETALL', keys[5]),
  }
end

local function holds_redacted(dead, top, count)
  for _, at in ipairs(redis.call('SMEMBERS', dead)) do
    if tonumber(at) <= top and tonumber(at) > top - count then return true end
  end
  return false
end

-- KEYS fence rooms r h m n t o dead
-- ARGV generation keep room spelling, the caller's newest stamp, topic (packed or ''), '1' if others may have batches that
-- the caller lacks, charter (packed list of fields and values), number of batches, for each: top before count batch; then
-- for each member: number member
-- Brings back what Redis has lost and the caller has applied, up to a batch that the caller lacks and another server may
-- have: nothing could be put before those that follow. Returns how many batches were brought back.
local function restore(keys, args)
  local error = refused(keys[1], args[1])
  if error then return error end
  local r, h, m, n, t, o, dead = keys[3], keys[4], keys[5], keys[6], keys[7], keys[8], keys[9]
  local mine, restored, j = tonumber(args[5]), 0, 10
  local head = tonumber(redis.call('GET', h) or newest(r))
  local is_behind = head < mine
  local is_whole = args[7] ~= '1'
  for _ = 1, tonumber(args[9]) do
    local top = tonumber(args[j])
    if top > head and (is_whole or tonumber(args[j + 1]) <= head) then
      if not holds_redacted(dead, top, tonumber(args[j + 2])) then
        redis.pcall('XADD', r, 'MAXLEN', '~', args[2], args[j] .. '-0', 'b', args[j + 3], 'p', args[j + 1])
      end
      head = top
      restored = restored + 1
    end
    j = j + 4
  end
  if not is_behind then return restored end
  if not is_whole and head < mine then
    if restored > 0 then redis.call('SET', h, number_text(head), 'KEEPTTL') end
    return restored
  end
  redis.call('SET', h, args[5], 'KEEPTTL')
  if args[6] == '' then redis.call('DEL', t) else redis.call('SET', t, args[6]) end
  local charter = cmsgpack.unpack(args[8])
  redis.call('DEL', o)
  if #charter > 0 then redis.call('HSET', o, unpack(charter)) end
  local given = {}
  for i = j, #args, 2 do
    given[args[i]] = true
    set_member(m, n, args[i], args[i + 1])
  end
  for _, number in ipairs(redis.call('HKEYS', m)) do
    if not given[number] then remove_member(m, n, number) end
  end
  recount(keys[2], r, h, n, t, o, dead, args[3], args[4])
  return restored
end

-- KEYS here of the caller, here of the giver, m ; ARGV room numbers... : the caller answers for these members now
local function hold(keys, args)
  for i = 2, #args do
    redis.call('SREM', keys[2], args[i] .. ' ' .. args[1])
    if redis.call('HEXISTS', keys[3], args[i]) == 1 then redis.call('SADD', keys[1], args[i] .. ' ' .. args[1]) end
  end
  return 1
end

-- --- fences and servers

-- KEYS fence, in lane 0 followed by next-server and taken ; ARGV generation server
-- A server has a new connection: what is still on its way on the old one is refused from now on. Returns the new
-- generation, and the sessions that others have taken. A fence that Redis has lost is set up again.
local function renew(keys, args)
  local value, mine = redis.call('GET', keys[1]), tonumber(args[1])
  if value == REAPED then return fenced() end
  if value then
    if math.floor(tonumber(value) / GENERATIONS) ~= math.floor(mine / GENERATIONS) then return fenced() end
    mine = math.max(mine, tonumber(value))
  end
  local reply = {number_text(mine + 1)}
  redis.call('SET', keys[1], reply[1])
  if keys[2] then
    if tonumber(redis.call('GET', keys[2]) or '0') < tonumber(args[2]) then redis.call('SET', keys[2], args[2]) end
    for _, number in ipairs(redis.call('SMEMBERS', keys[3])) do reply[#reply + 1] = number end
  end
  return reply
end

-- KEYS fence : what the server still has on its way is refused, until it has read what was taken from it
local function bump(keys)
  local value = redis.call('GET', keys[1])
  if value and value ~= REAPED then redis.call('SET', keys[1], number_text(tonumber(value) + 1)) end
  return 1
end

-- KEYS fence servers ; ARGV generation server state : returns all servers and their states
local function heartbeat(keys, args)
  local value = redis.call('GET', keys[1])
  if value == REAPED then return fenced() end
  if value and math.floor(tonumber(value) / GENERATIONS) ~= math.floor(tonumber(args[1]) / GENERATIONS) then
    return fenced()
  end
  redis.call('HSET', keys[2], args[2], args[3])
  return redis.call('HGETALL', keys[2])
end

-- KEYS fence of the caller, fence of the server, servers, reaping, sessions, of the caller, of the server
-- ARGV caller server, the state in which the server stands still
-- Returns 0 if the server lives. Else it is given up, and its sessions belong to the caller: returns the servers whose
-- lanes the caller has to reap, and numbers and records of the sessions.
local function reap(keys, args)
  if is_reaped(keys[1]) then return fenced() end
  local me, server = args[1], args[2]
  if redis.call('HGET', keys[3], server) ~= args[3] then return 0 end
  redis.call('SET', keys[2], REAPED, 'EX', DAYS_7)
  redis.call('HDEL', keys[3], server)
  redis.call('HSET', keys[4], server, me)
  local servers, sessions = {server}, {}
  local all = redis.call('HGETALL', keys[4])
  for i = 1, #all, 2 do
    if all[i + 1] == server then
      redis.call('HSET', keys[4], all[i], me)
      servers[#servers + 1] = all[i]
    end
  end
  for _, number in ipairs(redis.call('SMEMBERS', keys[7])) do
    local packed = redis.call('HGET', keys[5], number)
    local record = packed and cmsgpack.unpack(packed)
    if record and number_text(record['s']) == server then
      move(record, me)
      packed = cmsgpack.pack(record)
      redis.call('HSET', keys[5], number, packed)
      redis.call('SADD', keys[6], number)
      sessions[#sessions + 1] = number
      sessions[#sessions + 1] = packed
    end
  end
  redis.call('DEL', keys[7])
  return {servers, sessions}
end

-- KEYS fence of the caller, fence of the server, here of the caller, here of the server ; ARGV prefix of the lane's keys
-- The caller answers for the server's members in this lane. Returns "number room" of each.
local function reap_lane(keys, args)
  if is_reaped(keys[1]) then return fenced() end
  redis.call('SET', keys[2], REAPED, 'EX', DAYS_7)
  local members = {}
  for _, member in ipairs(redis.call('SMEMBERS', keys[4])) do
    local number, room = string.match(member, '^(%d+) (.*)$')
    if number and redis.call('HEXISTS', args[1] .. 'm:' .. room, number) == 1 then
      redis.call('SADD', keys[3], member)
      members[#members + 1] = member
    end
  end
  redis.call('DEL', keys[4])
  return members
end

-- KEYS servers stopping ; ARGV server, then the other servers whose hearts beat
-- A server begins to stop as planned. Returns 1 if one of the others does not: it can take people over.
local function stop(keys, args)
  redis.call('SADD', keys[2], args[1])
  for i = 2, #args do
    if redis.call('HEXISTS', keys[1], args[i]) == 1 and redis.call('SISMEMBER', keys[2], args[i]) == 0 then return 1 end
  end
  return 0
end

-- KEYS fence ; in lane 0 followed by servers, stopping and of ; ARGV server
-- A server takes itself out. If it has seats that nobody has taken over, its heart stays in the list, and stands still:
-- the server that gives it up has them then.
local function retire(keys, args)
  redis.call('SET', keys[1], REAPED, 'EX', DAYS_7)
  if keys[2] then
    redis.call('SREM', keys[3], args[1])
    if redis.call('SCARD', keys[4]) == 0 then redis.call('HDEL', keys[2], args[1]) end
  end
  return 1
end

-- --- sessions and names, in lane 0

-- Whether another server has the session, or has had it, and the one that writes this record does not know it yet.
-- Redis may have lost moves: then the record has more of them than Redis.
local function is_elsewhere(sessions, taken, number, record)
  if redis.call('SISMEMBER', taken, number) == 1 then return true end
  local packed = redis.call('HGET', sessions, number)
  if not packed then return false end
  local old, new = cmsgpack.unpack(packed), cmsgpack.unpack(record)
  local before, now = old['m'] or 0, new['m'] or 0
  return before > now or (before == now and old['s'] ~= new['s'])
end

-- KEYS fence sessions of tok taken
-- ARGV number record, digest of its token or '', digest of its old token or '', prefix of channels
-- The server that has lost a session to this record, as Redis had lost the move, is told, at once or when it is back.
-- Returns whether the record is stored: it is not if another server has the session.
local function put(keys, args)
  if is_reaped(keys[1]) then return fenced() end
  if is_elsewhere(keys[2], keys[5], args[1], args[2]) then return 0 end
  local packed = redis.call('HGET', keys[2], args[1])
  local old, mine = packed and number_text(cmsgpack.unpack(packed)['s']), number_text(cmsgpack.unpack(args[2])['s'])
  if old and old ~= mine then
    redis.call('SREM', string.sub(keys[3], 1, -1 - #mine) .. old, args[1])
    redis.call('SADD', string.sub(keys[5], 1, -1 - #mine) .. old, args[1])
    redis.call('SPUBLISH', args[5] .. 'srv:' .. old, cmsgpack.pack({'overruled', tonumber(args[1])}))
  end
  redis.call('HSET', keys[2], args[1], args[2])
  redis.call('SADD', keys[3], args[1])
  if args[4] ~= '' and args[4] ~= args[3] then redis.call('HDEL', keys[4], args[4]) end
  if args[3] ~= '' then redis.call('HSET', keys[4], args[3], args[1]) end
  return 1
end

-- KEYS fence of the caller, sessions, of the giver, of the caller, taken of the giver, taken of the caller
-- ARGV number giver caller, '1' if the giver has given it itself
-- A session changes its server; the giver may be the caller, which keeps the seat of one that is gone. Returns its new
-- record, or nothing if the giver no longer has it, or its grace time is over.
local function take(keys, args)
  if is_reaped(keys[1]) then return fenced() end
  local packed = redis.call('HGET', keys[2], args[1])
  local record = packed and cmsgpack.unpack(packed)
  if not record or record['e'] or number_text(record['s']) ~= args[2] then return false end
  move(record, args[3])
  packed = cmsgpack.pack(record)
  redis.call('HSET', keys[2], args[1], packed)
  redis.call('SREM', keys[3], args[1])
  redis.call('SADD', keys[4], args[1])
  if args[4] ~= '1' then redis.call('SADD', keys[5], args[1]) end
  redis.call('SREM', keys[6], args[1])
  return packed
end

-- KEYS fence sessions ; ARGV number server
-- The grace time of a seat that this server keeps is over: nobody takes it any more. Returns its record; '' if there is
-- none, and nothing if another server has it.
local function bury(keys, args)
  if is_reaped(keys[1]) then return fenced() end
  local packed = redis.call('HGET', keys[2], args[1])
  if not packed then return '' end
  local record = cmsgpack.unpack(packed)
  if number_text(record['s']) ~= args[2] then return false end
  record['e'] = true
  redis.call('HSET', keys[2], args[1], cmsgpack.pack(record))
  return packed
end

local function release_name(names, compared, number)
  local held = redis.call('HGET', names, compared)
  if not held then return end
  local left = {}
  for holder in string.gmatch(held, '%d+') do
    if holder ~= number then left[#left + 1] = holder end
  end
  if #left == 0 then redis.call('HDEL', names, compared) else redis.call('HSET', names, compared, table.concat(left, ' ')) end
end

-- KEYS sessions of tok names inbox ; ARGV number server, digest of its token or '', compared name or ''
-- A session is over, unless another server has taken it: its inbox goes with it. Returns whether it is over.
local function drop(keys, args)
  local packed = redis.call('HGET', keys[1], args[1])
  if packed and number_text(cmsgpack.unpack(packed)['s']) ~= args[2] then return 0 end
  redis.call('HDEL', keys[1], args[1])
  redis.call('SREM', keys[2], args[1])
  redis.call('DEL', keys[5])
  if args[3] ~= '' and redis.call('HGET', keys[3], args[3]) == args[1] then redis.call('HDEL', keys[3], args[3]) end
  if args[4] ~= '' then release_name(keys[4], args[4], args[1]) end
  return 1
end

-- KEYS fence sessions of names taken ; ARGV compared name, number, record, then the fingerprints of the same person
-- Gives a name to a session and stores its record. Returns 1 and the other sessions that have the name, all of the same
-- person; 0, and the session that has it with its record; or 0 alone if another server has the session.
local function claim(keys, args)
  if is_reaped(keys[1]) then return fenced() end
  if is_elsewhere(keys[2], keys[5], args[2], args[3]) then return {0, args[2], redis.call('HGET', keys[2], args[2]) or ''} end
  local same, holders = {}, {}
  for i = 4, #args do same[args[i]] = true end
  for holder in string.gmatch(redis.call('HGET', keys[4], args[1]) or '', '%d+') do
    local packed = holder ~= args[2] and redis.call('HGET', keys[2], holder)
    if packed then
      local fingerprint = cmsgpack.unpack(packed)['f']
      if not (fingerprint and same[fingerprint]) then return {0, holder, packed} end
      holders[#holders + 1] = holder
    end
  end
  local reply = {1, unpack(holders)}
  holders[#holders + 1] = args[2]
  redis.call('HSET', keys[4], args[1], table.concat(holders, ' '))
  redis.call('HSET', keys[2], args[2], args[3])
  redis.call('SADD', keys[3], args[2])
  return reply
end

-- KEYS names ; ARGV compared name, number
local function release(keys, args)
  release_name(keys[1], args[1], args[2])
  return 1
end

-- KEYS fence, head of all private messages, names, sessions, then two or three streams, the conversation first
-- ARGV top keep prefix of channels, compared name of the recipient and its session's number or '', the same of the
-- sender, message, the number of the session that tells it, caller
-- Stores a private message and publishes its stamp and the message to the servers of both. A message that the
-- conversation has already, as its answer was lost, keeps its stamp. Returns the stamp; 0 if another server has the
-- session.
local function tell(keys, args)
  if is_reaped(keys[1]) then return fenced() end
  local top, message = args[1], args[8]
  for _, entry in ipairs(redis.call('XRANGE', keys[5], top .. '-0', '+')) do
    if entry[2][2] == message then return string.match(entry[1], '%d+') end
  end
  local speaker = redis.call('HGET', keys[4], args[9])
  if speaker and number_text(cmsgpack.unpack(speaker)['s']) ~= args[10] then return '0' end
  local before = redis.call('GET', keys[2]) or '0'
  if tonumber(before) >= tonumber(top) then top = number_text(tonumber(before) + 1) end
  redis.call('SET', keys[2], top)
  for i = 5, #keys do redis.pcall('XADD', keys[i], 'MAXLEN', '~', args[2], top .. '-0', 'b', message) end
  local servers = {}
  for i = 4, 6, 2 do
    local numbers = args[i + 1] ~= '' and args[i + 1] or redis.call('HGET', keys[3], args[i]) or ''
    for number in string.gmatch(numbers, '%d+') do
      local packed = redis.call('HGET', keys[4], number)
      if packed then servers[number_text(cmsgpack.unpack(packed)['s'])] = true end
    end
  end
  for server in pairs(servers) do
    redis.call('SPUBLISH', args[3] .. 'srv:' .. server, top .. ' ' .. message)
  end
  return top
end

-- KEYS fence, head of all private messages, then two or three streams ; ARGV stamp keep message
-- Brings a private message back that Redis may have lost. A stream takes no entry below its last, so one with newer
-- messages is written again.
local function retell(keys, args)
  if is_reaped(keys[1]) then return fenced() end
  if tonumber(redis.call('GET', keys[2]) or '0') < tonumber(args[1]) then redis.call('SET', keys[2], args[1]) end
  local id = args[1] .. '-0'
  for i = 3, #keys do
    local newer = redis.call('XRANGE', keys[i], id, '+', 'COUNT', 1)[1]
    if not newer then
      redis.pcall('XADD', keys[i], 'MAXLEN', '~', args[2], id, 'b', args[3])
    elseif newer[1] ~= id then
      local entries = redis.call('XRANGE', keys[i], '-', '+')
      redis.call('DEL', keys[i])
      for _, entry in ipairs(entries) do
        if entry[1] == newer[1] then redis.call('XADD', keys[i], id, 'b', args[3]) end
        redis.call('XADD', keys[i], entry[1], unpack(entry[2]))
      end
    end
  end
  return 1
end

-- KEYS config ; ARGV field value ... : sets what is not set yet, and returns everything
local function agree(keys, args)
  for i = 1, #args, 2 do redis.call('HSETNX', keys[1], args[i], args[i + 1]) end
  return redis.call('HGETALL', keys[1])
end

local function register(name, callback, flags)
  redis.register_function({function_name = 'pylingo_1_' .. name, callback = callback, flags = flags or {}})
end

-- Those that free memory, or keep a server alive, run when Redis is full.
local EVEN_IF_FULL = {'allow-oom'}

register('commit', commit)
register('look', look)
register('restore', restore, EVEN_IF_FULL)
register('hold', hold, EVEN_IF_FULL)
register('renew', renew, EVEN_IF_FULL)
register('bump', bump, EVEN_IF_FULL)
register('heartbeat', heartbeat, EVEN_IF_FULL)
register('reap', reap, EVEN_IF_FULL)
register('reap_lane', reap_lane, EVEN_IF_FULL)
register('stop', stop, EVEN_IF_FULL)
register('retire', retire, EVEN_IF_FULL)
register('put', put, EVEN_IF_FULL)
register('take', take, EVEN_IF_FULL)
register('bury', bury, EVEN_IF_FULL)
register('drop', drop, EVEN_IF_FULL)
register('claim', claim, EVEN_IF_FULL)
register('release', release, EVEN_IF_FULL)
register('tell', tell)
register('retell', retell, EVEN_IF_FULL)
register('agree', agree)
