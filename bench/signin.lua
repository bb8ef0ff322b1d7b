wrk.method = "POST"
wrk.path = "/api/token/"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"username":"alice","password":"alice-password-1"}'

local threads = {}

function setup(thread)
  threads[#threads + 1] = thread
end

function init(args)
  signed, failed = 0, 0
end

function response(status, headers, body)
  if status == 200 and string.find(body, '"refresh"', 1, true) then signed = signed + 1 else failed = failed + 1 end
end

-- A line of numbers for signin.sh.
function done(summary, latency, requests)
  local signed, failed = 0, 0
  for _, thread in ipairs(threads) do
    signed, failed = signed + thread:get("signed"), failed + thread:get("failed")
  end
  io.write(string.format("result %d %d %.0f %.0f\n", signed, failed, latency:percentile(50), latency:percentile(99)))
end
