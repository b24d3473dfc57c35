-- POST /internal/sales/ at a catalog replica, books 1 to 7 in turn, a new order each. Argument: the service token.
local token, prefix, turn
function init(arguments)
  math.randomseed(os.time())
  token, prefix, turn = arguments[1], string.format("%08x", math.random(0, 2147483647)), 0
end
function request()
  turn = turn + 1
  local order = string.format("%s-0000-4000-8000-%012d", prefix, turn)
  local body = string.format('{"order":"%s","lines":[{"book":%d,"quantity":1}],"first_attempt":true}', order, turn % 7 + 1)
  return wrk.format("POST", "/internal/sales/", {["Content-Type"] = "application/json", ["X-Service-Token"] = token}, body)
end
