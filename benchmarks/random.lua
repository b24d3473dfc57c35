-- GET <prefix><id> for random ids from 1 to <count>. Arguments: prefix, count.
local prefix, count
function init(arguments)
  prefix, count = arguments[1], tonumber(arguments[2])
  math.randomseed(os.time())  -- Others in each run: the same ones again would be found ready.
end
function request()
  return wrk.format("GET", prefix .. math.random(count))
end
