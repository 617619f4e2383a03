-- Links into environments and out of them. The generated part begins with
-- tables: pages holds, by path, the cookies to set.

-- go sends people home with other cookies. A cookie that came over TLS stays there.
local function go(handle, cookies)
  local secure = ""
  if handle:headers():get("x-forwarded-proto") == "https" then
    secure = "; Secure"
  end
  local set = {}
  for i, cookie in ipairs(cookies) do
    set[i] = cookie .. "; Path=/; HttpOnly; SameSite=Lax" .. secure
  end
  handle:respond({[":status"] = "303", ["location"] = "/", ["cache-control"] = "no-store", ["set-cookie"] = set}, "")
end

function envoy_on_request(handle)
  local path = handle:headers():get(":path"):match("^[^?]*")
  local cookies = pages[path]
  if cookies then
    go(handle, cookies)
  end
end
