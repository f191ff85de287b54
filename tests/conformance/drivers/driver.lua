-- The driver of LuaJIT: makes the calls of README.md through bindings/lua.

package.path = arg[1] .. "/?.lua;" .. package.path
local wmlb = require "wmlb"
local ffi = require "ffi"
ffi.cdef "int open(const char *, int, int); int close(int);"

local restorers, operations, current, held, target

local function say(event)
    local told = event.text or ""
    if event.progress then
        local now = event.progress
        told = ("%d %d %d %d"):format(now.done, now.total, now.restricted, now.skipped)
    elseif event.before then
        told = event.before .. " " .. event.now
    end
    print(("event %d %d %s"):format(event.status, event.code, told))
end

-- The code of what a function gave: nil, a message and a code when it has failed.
local function answer(good, _, code)
    return good and (code or 0) or code
end

local function sum_up(operation)
    local outcome, _, code = operation:result()
    if not outcome then return code end
    return outcome.is_partial and wmlb.code.NOT_ALL_STORED or 0
end

local function memory_store()
    local staged = {}
    return {
        licenses = function()
            local list = {}
            for name, data in pairs(held) do list[#list + 1] = { name = name, data = data } end
            return list
        end,
        put = function(name, data) staged[name] = data end,
        commit = function()
            for name, data in pairs(staged) do held[name] = data end
        end,
        close = function() staged = {} end,
    }
end

local function memory_target()
    local begun, published
    return {
        begin = function() begun = {} end,
        write = function(bytes) begun[#begun + 1] = bytes end,
        publish = function(overwrite)
            if published and not overwrite then return false end
            published = table.concat(begun)
        end,
        abandon = function() begun = nil end,
        size = function() return published and #published end,
        read = function(offset, size) return published:sub(offset + 1, offset + size) end,
    }
end

local calls = {}

function calls.reset()
    for _, operation in ipairs(operations or {}) do operation:cancel() end
    for _, restorer in ipairs(restorers or {}) do restorer:release() end
    restorers, operations, held = {}, {}, {}
    return 0
end

function calls.new()
    current = wmlb.restorer()
    table.insert(restorers, current)
    return 0
end

function calls.use(number)
    current = restorers[number + 1]
    return 0
end

function calls.set(name, value) return answer(current:set(name, value)) end
function calls.number(name, value) return answer(current:set(name, tonumber(value))) end
function calls.cancel() return answer(current:cancel()) end
function calls.release() return answer(current:release()) end
function calls.wait()
    local code, _, why = current:wait()
    return code or why
end

function calls.start(kind, flags)
    local operation, _, code = current:start(kind, { flags = tonumber(flags) })
    table.insert(operations, operation)
    return operation and 0 or code
end

function calls.drain()
    for _, operation in ipairs(operations) do
        for event in operation:events() do say(event) end
    end
    return 0
end

local function run(kind)
    return function(flags, way, at)
        local operation, _, code = current:start(kind, { flags = tonumber(flags) })
        if not operation then return code end
        for event in operation:events() do
            say(event)
            if event.status == tonumber(at) then
                local cancels = {
                    answer = function() operation:cancel() end,
                    restorer = function() current:cancel() end,
                    kind = function()
                        ffi.cdef "int32_t wmlb_restorer_cancel_license_backup(wmlb_restorer *);"
                        wmlb.lib.wmlb_restorer_cancel_license_backup(current.handle)
                    end,
                }
                cancels[way]()
                at = nil
            end
        end
        return sum_up(operation)
    end
end
calls.backup, calls.restore, calls.verify = run "backup", run "restore", run "verify"

function calls.list(what)
    local licenses, _, code = current:list(what)
    for _, license in ipairs(licenses or {}) do print("name " .. license.name) end
    return code or 0
end

function calls.words()
    print("name " .. current:last_error())
    return 0
end

function calls.hold(...)
    for _, pair in ipairs { ... } do
        local name, data = pair:match "(.-)=(.*)"
        held[name] = data
    end
    return answer(current:set_store(memory_store()))
end

function calls.held()
    for name, data in pairs(held) do print("name " .. name .. "=" .. data) end
    return 0
end

function calls.target() return answer(current:set_target(memory_target())) end

function calls.open(path, mode)
    local fd = ffi.C.open(path, mode == "w" and 0x42 or 0, 384)
    local code = answer(current:set_target_fd(fd))
    ffi.C.close(fd)
    return code
end

function calls.exit() os.exit(0) end

io.stdout:setvbuf "full"
for line in io.lines() do
    local words = {}
    for word in line:gmatch "[^ ]+" do words[#words + 1] = word end
    print("result " .. calls[words[1]](unpack(words, 2)))
    io.stdout:flush()
end
