-- Sends the requests of a file, a path and a token in each line, over and over. usage: wrk ... -s load.lua URL -- FILE
local requests, position = {}, 0

function init(args)
    for line in io.lines(args[1]) do
        local path, token = line:match("^(%S+) (%S+)$")
        requests[#requests + 1] = wrk.format("GET", path, { Authorization = "Bearer " .. token })
    end
end

function request()
    position = position % #requests + 1
    return requests[position]
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format("result %d %d %d %d %d\n", summary.requests,
        errors.status + errors.connect + errors.read + errors.write + errors.timeout, summary.duration,
        latency:percentile(50), latency:percentile(99)))
end
