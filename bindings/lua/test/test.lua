-- Tests of wmlb.lua and of the script for mpv: test.lua FOLDER, an empty one to work in.

local work = arg[1]
local wmlb = require "wmlb"
local ffi = require "ffi"
ffi.cdef [[
typedef struct { int fd; short events, revents; } pollfd;
int poll(pollfd *, unsigned long, int);
int mkdir(const char *, unsigned); int symlink(const char *, const char *);
]]

local tests, folders = {}, 0

local function fresh()
    folders = folders + 1
    local folder = work .. "/" .. folders
    assert(ffi.C.mkdir(folder, 448) == 0)
    return folder
end

local function read(path)
    local file = io.open(path, "rb")
    if not file then return nil end
    local content = file:read "*a"
    file:close()
    return content
end

local function store(count)
    local folder = fresh()
    for number = 1, count or 5 do
        local file = assert(io.open(folder .. "/license-" .. number, "w"))
        file:write("license ", number)
        file:close()
    end
    return folder
end

-- Each is an event, and at 1,024 unread ones the operation waits: it cannot be over too soon.
local all_links
local function links()
    if not all_links then
        all_links = fresh()
        for number = 1, 1500 do ffi.C.symlink("nowhere", all_links .. "/link-" .. number) end
    end
    return all_links
end

local function equal(expected, found)
    if expected ~= found then
        error(("expected %s, found %s"):format(tostring(expected), tostring(found)), 2)
    end
end

function tests.a_backup_comes_back()
    local from, to, again = store(), fresh(), fresh() .. "/store"
    local restorer = assert(wmlb.restorer { StorePath = from, BackupPath = to, RestorePath = to })
    local outcome = assert(restorer:backup {})
    equal(to .. "/licenses.wmlb", outcome.path)
    equal(5, outcome.progress.done)
    equal(5, assert(restorer:verify {}).progress.done)
    equal(5, #restorer:list "backup")
    assert(restorer:set("StorePath", again))
    assert(restorer:restore {})
    equal("license 3", read(again .. "/license-3"))
end

function tests.what_fails_says_so()
    local to = fresh()
    local restorer = assert(wmlb.restorer { StorePath = store(), BackupPath = to })
    assert(restorer:backup {})
    local outcome, words, code = restorer:backup {}
    equal(nil, outcome)
    equal("NS_E_DRM_BACKUP_EXISTS", wmlb.name(code))
    assert(words:find(to, 1, true))
    assert(words:find(": overwrite = true replaces it", 1, true))
    local _, why = wmlb.restorer { StorePath = fresh(), BackupPath = to }:backup { overwrite = true }
    assert(why:find("unless empty = true is given", 1, true))
    _, why = wmlb.restorer { StorePath = to .. "/none", BackupPath = fresh() }:backup {}
    assert(why:find("No such file or directory$"), why)
    local none, _, unknown = wmlb.restorer { Hue = "red" }
    equal(nil, none)
    equal("NS_E_DRM_UNSUPPORTED_PROPERTY", wmlb.name(unknown))
end

function tests.false_cancels()
    local to = fresh()
    local restorer = assert(wmlb.restorer { StorePath = links(), BackupPath = to })
    local _, _, code = restorer:backup { on_event = function() return false end }
    equal(wmlb.code.CANCELED, code)
    equal(nil, read(to .. "/licenses.wmlb"))
end

function tests.a_loop_polls_several()
    local running, polled, skipped = {}, ffi.new "pollfd[3]", 0
    for number = 1, 3 do
        local restorer = assert(wmlb.restorer { StorePath = links(), BackupPath = fresh() })
        running[number] = assert(restorer:start "backup")
        polled[number - 1].fd, polled[number - 1].events = running[number]:fd(), 1
    end
    local ended = 0
    while ended < 3 do
        assert(ffi.C.poll(polled, 3, 60000) > 0)
        for number, operation in ipairs(running) do
            local event, why = operation:next(0)
            while event do
                if event.status == wmlb.status.SKIPPED then skipped = skipped + 1 end
                event, why = operation:next(0)
            end
            if why == "ended" and polled[number - 1].fd >= 0 then
                polled[number - 1].fd = -1
                ended = ended + 1
            end
        end
    end
    equal(4500, skipped)
end

function tests.what_a_store_raises_comes_out()
    local restorer = assert(wmlb.restorer { BackupPath = fresh() })
    assert(restorer:set_store { licenses = function() error("no licenses", 0) end })
    local good, why = pcall(restorer.backup, restorer, {})
    equal(false, good)
    equal("no licenses", why)
end

function tests.nothing_is_left_when_it_is_collected()
    for _ = 1, 20 do
        local restorer = assert(wmlb.restorer { StorePath = links(), BackupPath = fresh() })
        assert(restorer:start "backup"):next()
    end
    collectgarbage()
    collectgarbage()
end

-- What the script uses of mpv, in the place of mpv: its loop turns when turn() is called.
local function player(options)
    local mp = { said = {}, messages = {}, timers = {} }
    package.loaded.mp = {
        osd_message = function() end,
        commandv = function(...) table.insert(mp.said, { ... }) end,
        command_native = function(command) return command[2] end,
        register_script_message = function(name, call) mp.messages[name] = call end,
        register_event = function() end,
        add_periodic_timer = function(_, call)
            local timer = { call = call }
            function timer:kill() mp.timers[self] = nil end
            mp.timers[timer] = true
            return timer
        end,
    }
    package.loaded["mp.options"] = {
        read_options = function(settings) settings.store = options.store end,
    }
    function mp.turn()
        for timer in pairs(mp.timers) do timer.call() end
        return next(mp.timers) ~= nil
    end
    dofile(options.script)
    return mp
end

function tests.the_script_for_mpv()
    local script = package.searchpath("wmlb", package.path):gsub("wmlb.lua$", "mpv/wmlb-backup.lua")
    local to = fresh()
    local mp = player { script = script, store = links() }
    local function last() return unpack(table.remove(mp.said), 3) end
    local function told(...)
        mp.messages["wmlb-backup"](...)
        return last()
    end
    equal("running", told(to))
    local state, name = told(to)
    equal("refused NS_E_DRM_BACKUPRESTORE_BUSY", state .. " " .. name)
    while mp.turn() do end
    equal("done", table.remove(mp.said)[3])
    assert(#mp.said > 0)
    for _, message in ipairs(mp.said) do
        equal("progress S_OK", message[3] .. " " .. message[4])
        assert(message[5]:find "^%d+ %d+ %d+$")
    end
    assert(read(to .. "/licenses.wmlb"))
    local _, exists, words = told(to)
    equal("NS_E_DRM_BACKUP_EXISTS", exists)
    assert(words:find(": add the word overwrite to replace it", 1, true))
    equal("refused", told(to, "over"))
    equal("running", told(to, "overwrite"))
    mp.messages["wmlb-backup-cancel"]()
    while mp.turn() do end
    state, name = last()
    equal("failed NS_E_DRM_OPERATION_CANCELED", state .. " " .. name)
end

local passed, failed = 0, 0
for name, body in pairs(tests) do
    local good, why = xpcall(body, debug.traceback)
    if good then
        passed = passed + 1
    else
        failed = failed + 1
        print("FAIL " .. name .. ": " .. why)
    end
end
print(("LuaJIT: %d passed, %d failed"):format(passed, failed))
os.exit(failed == 0 and 0 or 1)
