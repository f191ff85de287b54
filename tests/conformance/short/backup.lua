package.path = arg[0]:match "^.*/" .. "../../../bindings/lua/?.lua"
local wmlb = require "wmlb"

local restorer = assert(wmlb.restorer { StorePath = arg[1], BackupPath = arg[2] })
local operation = assert(restorer:start "backup")
for event in operation:events() do
    print(event.status)
    if arg[3] then operation:cancel() end
end
os.exit(operation:result() and 0 or 1)
