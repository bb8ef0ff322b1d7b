-- One kind of grant a run, one connection a thread. Arguments: what to do, then what it takes; "code" asks for a code and
-- redeems it, "refresh" goes on with the token of the last answer, and "post" sends the same form again.
local threads = {}

function setup(thread)
  threads[#threads + 1] = thread
  thread:set("number", #threads)
end

local form = { ["Content-Type"] = "application/x-www-form-urlencoded" }

function init(args)
  kind, issued, failed = args[1], 0, 0
  if kind == "post" then
    body = args[2]
    if args[3] then form["Authorization"] = args[3] end
  elseif kind == "refresh" then
    refresh = args[1 + number]
  else
    cookie, query, redeem, code = args[2], args[3], args[4], nil
  end
end

function request()
  if kind == "code" and not code then return wrk.format("GET", "/connect/authorize?" .. query, { ["Cookie"] = cookie }) end
  local sent = body
  if kind == "refresh" then sent = "grant_type=refresh_token&client_id=demo-spa&refresh_token=" .. refresh end
  if kind == "code" then sent = redeem .. "&code=" .. code end
  return wrk.format("POST", "/connect/token", form, sent)
end

function response(status, headers, answer)
  if kind == "code" and not code then
    code = string.match(headers["Location"] or headers["location"] or "", "[?&]code=([^&]+)")
    if not code then failed = failed + 1 end
    return
  end
  code = nil
  if status == 200 and string.find(answer, '"access_token"', 1, true) then issued = issued + 1 else failed = failed + 1 end
  if kind == "refresh" then refresh = string.match(answer, '"refresh_token":"([^"]+)"') or refresh end
end

-- Two lines for tokens.sh; refresh tokens go on to the next run.
function done(summary, latency, requests)
  local issued, failed, tokens = 0, 0, ""
  for _, thread in ipairs(threads) do
    issued, failed = issued + thread:get("issued"), failed + thread:get("failed")
    tokens = tokens .. " " .. (thread:get("refresh") or "")
  end
  io.write(string.format("result %d %d %.0f %.0f\n", issued, failed, latency:percentile(50), latency:percentile(99)))
  io.write("tokens" .. tokens .. "\n")
end
