-- Sends the bodies in a file (one on each line) cyclically, and prints the figures as a line of JSON.
local requests, count, last = {}, 0, 0

function init()
  local headers = { ["Content-Type"] = "application/json", ["Accept"] = "application/json" }
  local token = os.getenv("BENCHMARK_TOKEN")
  if token ~= "" then headers["Authorization"] = "Token " .. token end
  for body in io.lines(os.getenv("BENCHMARK_BODIES")) do
    count = count + 1
    requests[count] = wrk.format("POST", nil, headers, body)
  end
end

function request()
  last = last % count + 1
  return requests[last]
end

function done(summary, latency)
  local failed = summary.errors
  io.write(string.format(
    '\nRESULT {"requests": %d, "microseconds": %d, "bytes": %d, "failed": %d, "p50": %f, "p99": %f}\n',
    summary.requests, summary.duration, summary.bytes,
    failed.status + failed.connect + failed.read + failed.write + failed.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
