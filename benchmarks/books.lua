-- GET <prefix><id> for ids 1 to <count>, in turn. Arguments: prefix, count.
local prefix, count, turn
function init(arguments)
  prefix, count, turn = arguments[1], tonumber(arguments[2]), 0
end
function request()
  turn = turn % count + 1
  return wrk.format("GET", prefix .. turn)
end
