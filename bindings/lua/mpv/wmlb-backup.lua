-- Backs up media licenses from within mpv, which plays on meanwhile. For an mpv with LuaJIT; wmlb.lua
-- is to lie beside this file, or where require() looks. See docs/mpv.md.
--
--     # input.conf
--     Ctrl+b script-message wmlb-backup ~/backups overwrite
--     Ctrl+B script-message wmlb-backup-cancel

local mp = require "mp"
local here = debug.getinfo(1, "S").source:match "^@(.*)/" or "."
package.path = here .. "/?.lua;" .. here .. "/../?.lua;" .. package.path
local wmlb = require "wmlb"

local settings = { store = "" }
require("mp.options").read_options(settings, "wmlb")

local operation, timer

local function tell(state, code, words)
    mp.osd_message(("License backup: %s %s"):format(state, words))
    mp.commandv("script-message", "wmlb-backup-status", state, tostring(code), words)
end

-- What there is to fetch, without waiting.
local function look()
    local event, why = operation:next(0)
    while event do
        if event.progress then
            mp.osd_message(("License backup: %d licenses"):format(event.progress.done))
        end
        event, why = operation:next(0)
    end
    if why == "none yet" then return end
    timer:kill()
    local outcome, words, code = operation:result()
    operation = nil
    if outcome then
        tell("done", 0, outcome.path)
    else
        tell("failed", code, words)
    end
end

-- The one store that is set, or found.
local function store()
    if settings.store ~= "" then return mp.command_native { "expand-path", settings.store } end
    if os.getenv "WMLB_STORE_PATH" then return nil end
    local found = wmlb.stores() or {}
    return #found == 1 and found[1].path or nil
end

mp.register_script_message("wmlb-backup", function(folder, overwrite)
    local restorer, words, code
    if operation then
        return tell("refused", -1072879804, "one is running")
    end
    restorer, words, code = wmlb.restorer {
        StorePath = store(), BackupPath = mp.command_native { "expand-path", folder or "" },
    }
    if restorer then
        operation, words, code = restorer:start("backup", { overwrite = overwrite == "overwrite" })
    end
    if not operation then return tell("refused", code, words) end
    tell("running", 0, "")
    timer = mp.add_periodic_timer(0.05, look)
end)

mp.register_script_message("wmlb-backup-cancel", function()
    if operation then operation:cancel() end
end)

mp.register_event("shutdown", function()
    if operation then operation:cancel() end
end)
