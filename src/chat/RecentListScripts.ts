/**
 * What Redis does with recent lists, in Lua: each a step that nothing comes between.
 *
 * KEYS are a user's list, newest first always, and the answer that was made of it, which goes whenever the list changes.
 */

/** The id of a message, as it stands at the head of its JSON. */
const ID_OF = `local function idOf(json) return tonumber(string.match(json, '^{"id":(%d+)')) end`

/**
 * Takes many users' keys; ARGV: how many messages a list keeps, then the message and its id for each user. Pushes of
 * different nodes may arrive in another order than that of the ids; one that comes too late for its place deletes the
 * list, unless it was filled with that message already.
 */
export const PUSH = `${ID_OF}
local kept = tonumber(ARGV[1])
local function push(list, answer, json, id)
  redis.call('DEL', answer)
  local newest = redis.call('LINDEX', list, 0)
  if not newest then return 0 end
  local newestId = idOf(newest)
  if newestId and newestId >= id then
    if not redis.call('LPOS', list, json) then redis.call('DEL', list) end
    return 0
  end
  if redis.call('LPUSH', list, json) > kept then redis.call('LTRIM', list, 0, kept - 1) end
  return 1
end
local pushed = {}
for i = 1, #KEYS / 2 do
  pushed[i] = push(KEYS[2 * i - 1], KEYS[2 * i], ARGV[2 * i], tonumber(ARGV[2 * i + 1]))
end
return pushed`

/** What RENDER answers for a list that is being filled. */
export const BEING_FILLED = ""

/**
 * Answers with the newest ARGV[1] messages, and keeps that answer for as long as the list is kept; a Redis that has no
 * room for it answers all the same. Nothing for a list that there is not.
 */
export const RENDER = `
local messages = redis.call('LRANGE', KEYS[1], 0, ARGV[1] - 1)
if #messages == 0 then return false end
if string.sub(messages[#messages], 1, 5) == 'fill:' then return '${BEING_FILLED}' end
local answer = '[' .. table.concat(messages, ',') .. ']'
redis.pcall('SET', KEYS[2], answer, 'PX', redis.call('PTTL', KEYS[1]))
return answer`

/**
 * A list is filled in two steps, around the query: a token claims the empty key first, so that pushes from then on
 * find a list and are kept; then FILL puts the rows below what was pushed, without those that were. A list that was
 * deleted meanwhile has lost the token, and is not filled; nor is one to which an older message was pushed than a row
 * whose push is still to come.
 * ARGV: the token, and for how many milliseconds it holds the key.
 */
export const BEGIN_FILL = `
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('DEL', KEYS[2])
return 1`

/** ARGV: the token, how many messages a list keeps and for how many milliseconds, then the rows, newest first. */
export const FILL = `${ID_OF}
if redis.call('LINDEX', KEYS[1], -1) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('RPOP', KEYS[1])
local pushed = {}
local oldest
for _, json in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  pushed[json] = true
  oldest = idOf(json)
end
for i = 4, #ARGV do
  if not pushed[ARGV[i]] then
    if oldest and idOf(ARGV[i]) > oldest then
      redis.call('DEL', KEYS[1])
      return 0
    end
    redis.call('RPUSH', KEYS[1], ARGV[i])
  end
end
redis.call('LTRIM', KEYS[1], 0, ARGV[2] - 1)
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 1`
