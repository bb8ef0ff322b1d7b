-- One session a thread, one connection a thread: each answer's refresh token is the next request's.
local threads = {}

function setup(thread)
  threads[#threads + 1] = thread
  thread:set("number", #threads)
end

function init(args)
  token = args[number]
  refreshed, failed = 0, 0
end

function request()
  return wrk.format("POST", "/api/token/refresh/", { ["Content-Type"] = "application/json" }, '{"refresh":"' .. token .. '"}')
end

function response(status, headers, body)
  local next = status == 200 and string.match(body, '"refresh":"([^"]+)"')
  if next then
    token, refreshed = next, refreshed + 1
  else
    failed = failed + 1
  end
end

-- Two lines of numbers for refresh.sh; the tokens go on to the next run.
function done(summary, latency, requests)
  local refreshed, failed, tokens = 0, 0, ""
  for _, thread in ipairs(threads) do
    refreshed, failed = refreshed + thread:get("refreshed"), failed + thread:get("failed")
    tokens = tokens .. " " .. thread:get("token")
  end
  io.write(string.format("result %d %d %.0f %.0f\n", refreshed, failed, latency:percentile(50), latency:percentile(99)))
  io.write("tokens" .. tokens .. "\n")
end
