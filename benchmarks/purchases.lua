-- POST /purchase/<id>, ids 1 to 7 in turn.
local turn = 0
function request()
  turn = turn % 7 + 1
  return wrk.format("POST", "/purchase/" .. turn, {["Content-Type"] = "application/json"}, "{}")
end
