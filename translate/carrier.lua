-- The decision in W3C baggage: what package dogfood does in baggage.go and
-- carrier.go, byte for byte. A test holds the two against each other.

local HEADER, BAGGAGE, KEY = "l5d-ctx-dogfood", "baggage", "dogfood"
local MAX_IDS, MAX_ID_LENGTH = 100, 317
local MAX_MEMBERS, MAX_BYTES, DECODINGS = 64, 8192, 4

-- trimmed takes off the bytes at both ends for which blank holds. It goes byte
-- by byte, since a pattern would take quadratic time for many blanks.
local function trimmed(s, blank)
  local first, last = 1, #s
  while first <= last and blank(s:byte(first)) do first = first + 1 end
  while last >= first and blank(s:byte(last)) do last = last - 1 end
  return s:sub(first, last)
end

local function is_blank(c) return c == 32 or c == 9 end
local function is_odd(c) return c <= 32 or c >= 127 or c == 43 end
local function is_nothing(c) return c == 32 or c == 9 or c == 44 end

local function decoded(s)
  return (s:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function lines_of(headers, name)
  local lines = {}
  for i = 0, headers:getNumValues(name) - 1 do lines[#lines + 1] = headers:getAtIndex(name, i) end
  return lines
end

-- split gives the parts between commas, empty ones too.
local function split(line)
  local parts, from = {}, 1
  while true do
    local comma = line:find(",", from, true)
    parts[#parts + 1] = line:sub(from, comma and comma - 1)
    if not comma then return parts end
    from = comma + 1
  end
end

local function ids_in(text, part)
  local ids, seen = {}, {}
  for id in text:gmatch(part) do
    id = trimmed(id, is_blank)
    if id ~= "" and #id <= MAX_ID_LENGTH and not id:find("[^a-z0-9.%-]") and not seen[id] then
      ids[#ids + 1], seen[id] = id, true
    end
    if #ids == MAX_IDS then break end
  end
  return ids
end

local function key_of(element) return element:match("^[^=;]*") end

local function is_own(element) return trimmed(key_of(element), is_blank) == KEY end

local function could_be_own(element)
  for _ = 0, DECODINGS do
    for _, piece in ipairs(split(element)) do
      if trimmed(key_of(piece), is_odd):lower() == KEY then return true end
    end
    if not element:find("%", 1, true) then return false end
    element = decoded(element)
  end
  return false
end

local function ids_of(lines)
  local ids = {}
  for _, line in ipairs(lines) do
    for _, element in ipairs(split(line)) do
      local key, value = element:match("^([^;=]*)=([^;]*)")
      if key and trimmed(key, is_blank) == KEY then
        ids = ids_in(decoded(trimmed(value, is_blank)), "[^,_]+")
      end
    end
  end
  return ids
end

-- without gives the lines without the elements for which ours holds, and
-- whether there was one.
local function without(lines, ours)
  local rest, found = {}, false
  for _, line in ipairs(lines) do
    local kept, elements = {}, split(line)
    for _, element in ipairs(elements) do
      if not ours(element) then kept[#kept + 1] = element end
    end
    if #kept == #elements then
      rest[#rest + 1] = line
    else
      found = true
      line = trimmed(table.concat(kept, ","), is_blank)
      if trimmed(line, is_nothing) ~= "" then rest[#rest + 1] = line end
    end
  end
  return rest, found
end

local function with(lines, ids)
  local rest = without(lines, is_own)
  local ours = KEY .. "=" .. table.concat(ids, "_")
  local bytes, members = #rest + #ours, 1
  for _, line in ipairs(rest) do
    bytes = bytes + #line
    for _, element in ipairs(split(line)) do
      if trimmed(element, is_blank) ~= "" then members = members + 1 end
    end
  end
  if bytes <= MAX_BYTES and members <= MAX_MEMBERS then
    if #rest == 0 then rest[1] = ours else rest[#rest] = rest[#rest] .. "," .. ours end
  end
  return rest
end

local function write(headers, lines)
  headers:remove(BAGGAGE)
  for _, line in ipairs(lines) do headers:add(BAGGAGE, line) end
end

-- too_much tells that there is more than anybody has to pass on.
local function too_much(lines)
  local bytes, members = #lines - 1, 0
  for _, line in ipairs(lines) do bytes = bytes + #line end
  if bytes > MAX_BYTES then return true end
  for _, line in ipairs(lines) do members = members + #split(line) end
  return members > MAX_MEMBERS
end

-- strip takes out what is ours, or could become ours.
local function strip(handle)
  local headers = handle:headers()
  local all = lines_of(headers, BAGGAGE)
  if too_much(all) then
    headers:remove(BAGGAGE)
    return
  end
  local lines, found = without(all, could_be_own)
  if found then write(headers, lines) end
end

-- carry reads the decision, has the request routed by it, and writes it on.
local function carry(handle, in_baggage)
  local headers = handle:headers()
  local ids = ids_in(table.concat(lines_of(headers, HEADER), ","), "[^,]+")
  local lines = lines_of(headers, BAGGAGE)
  local brought = ids_of(lines)
  if #ids == 0 then
    if #brought == 0 then return end
    ids = brought
    headers:replace(HEADER, table.concat(ids, ","))
    handle:clearRouteCache()
  end
  if (in_baggage or #brought > 0) and table.concat(ids, ",") ~= table.concat(brought, ",") then
    write(headers, with(lines, ids))
  end
end

local OUTSIDE, STASH, DST = "x-kibble-outside", "kibble.dev/context", "l5d-dst-client"
local PREFIXES = { "l5d-", "x-kibble-", "dtab-local" }

local function is_ours(name)
  for _, prefix in ipairs(PREFIXES) do
    if name:sub(1, #prefix) == prefix then return true end
  end
  return name == BAGGAGE
end

-- restore gives a request the context that an attempt before has taken away.
local function restore(headers, kept)
  for i = 1, kept.n do headers:remove(kept["k" .. i]) end
  for i = 1, kept.n do headers:add(kept["k" .. i], kept["v" .. i]) end
end

-- leave is run before each attempt at a cluster of which some endpoints are
-- outside. Those get no context. Attempts share their headers: what is taken
-- away is kept aside for an attempt at an endpoint inside that may come after.
local function leave(handle)
  local headers, metadata = handle:headers(), handle:streamInfo():dynamicMetadata()
  local outside, kept = headers:get(OUTSIDE), metadata:get(STASH)
  headers:remove(OUTSIDE)
  if not outside then
    if kept then restore(headers, kept) end
    return
  end
  local names, count = {}, 0
  for name, value in pairs(headers) do
    if is_ours(name) then
      names[name] = true
      if not kept and name ~= DST then
        count = count + 1
        metadata:set(STASH, "k" .. count, name)
        metadata:set(STASH, "v" .. count, value)
      end
    end
  end
  if count > 0 then metadata:set(STASH, "n", count) end
  strip(handle)
  names[BAGGAGE] = nil
  for name in pairs(names) do headers:remove(name) end
end
