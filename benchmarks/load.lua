-- The load: one request after another, each for a random user. Arguments: operation, seed, file of credentials.
-- Request texts are made beforehand, so that the generator costs little beside the server.

local TENANTS = 20
local USERS = 10000
local HEADERS = { ["X-API-Key"] = os.getenv("BENCHMARK_API_KEY"), ["X-Tenant-ID"] = "" }

local requests = {}
local count = 0

local function add(method, path, headers, body)
  count = count + 1
  requests[count] = wrk.format(method, path, headers, body)
end

local function of_tenant(number)
  HEADERS["X-Tenant-ID"] = string.format("tnt_%02d", number % TENANTS)
  return HEADERS
end

local function user_path(user)
  return string.format("/internal/session/sessions/usr_%05d", user)
end

local function lines(file)
  local found = {}
  for line in io.lines(file) do
    found[#found + 1] = line
  end
  return found
end

local BODY = '{"auth_user_id":"new_%05d","amr":["password","totp"],"app_id":"app_portal",'
  .. '"browser":"Firefox 140","device_fingerprint":"sha256:%064x","device_id":"dev_%06d","device_type":"desktop",'
  .. '"ip":"203.0.113.7","os":"Windows 11","user_agent":"Mozilla/5.0 (X11; Linux x86_64; rv:140.0)'
  .. ' Gecko/20100101 Firefox/140.0"}'

local prepare = {}

function prepare.active()
  for user = 0, USERS - 1 do
    add("GET", user_path(user) .. "/active", of_tenant(user))
  end
end

-- Only users whose ten sessions are all active: every answer has ten rows.
function prepare.list()
  for place = 0, USERS / 10 - 1 do
    local user = math.floor(place / TENANTS) * TENANTS * 10 + place % TENANTS
    add("GET", user_path(user) .. "?page=1&page_size=10", of_tenant(user))
  end
end

-- Users of their own, so that what is created changes no answer of the other operations but the statistics.
function prepare.create()
  for user = 0, USERS - 1 do
    local headers = of_tenant(user)
    headers["Content-Type"] = "application/json"
    add("POST", "/internal/session/create", headers, string.format(BODY, user, user, user))
  end
end

function prepare.stats(credentials)
  for _, token in ipairs(lines(credentials)) do
    add("GET", "/admin/sessions/stats", { Authorization = "Bearer " .. token })
  end
end

-- A line of credentials is a tenant and what is asked about there.
local function for_each_line(credentials, path, body)
  for _, line in ipairs(lines(credentials)) do
    local tenant, what = line:match("(%S+) (%S+)")
    HEADERS["X-Tenant-ID"] = tenant
    HEADERS["Content-Type"] = "application/json"
    add("POST", string.format(path, what), HEADERS, string.format(body, what))
  end
end

function prepare.touch(credentials)
  for_each_line(credentials, "/internal/session/%s/activity", "{}")
end

function prepare.validate(credentials)
  for_each_line(credentials, "/internal/session/validate-token", '{"access_token":"%s"}')
end

local function with_cookies(path, credentials, wanted)
  for number, cookie in ipairs(lines(credentials)) do
    if wanted(number - 1) then
      add("GET", path, { Cookie = cookie })
    end
  end
end

function prepare.better_auth_active(credentials)
  with_cookies("/api/auth/get-session", credentials, function()
    return true
  end)
end

function prepare.better_auth_list(credentials)
  with_cookies("/api/auth/list-sessions", credentials, function(user)
    return math.floor(user / TENANTS) % 10 == 0
  end)
end

function init(args)
  math.randomseed(tonumber(args[2]))
  prepare[args[1]](args[3])
end

function request()
  return requests[math.random(count)]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(
    string.format(
      '{"requests":%d,"microseconds":%d,"p50_us":%d,"p99_us":%d,"failed":%d,"refused":%d}\n',
      summary.requests,
      summary.duration,
      latency:percentile(50),
      latency:percentile(99),
      errors.connect + errors.read + errors.write + errors.timeout,
      errors.status
    )
  )
end
