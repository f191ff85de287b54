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

local operation, timer, restorer

local function send(state, code, words)
    mp.commandv("script-message", "wmlb-backup-status", state, wmlb.name(code), words)
end

local function tell(state, code, words)
    mp.osd_message(words, 6)
    send(state, code, words)
end

local function tell_failure(state, code, words)
    words = words:gsub(": overwrite = true replaces it", ": add the word overwrite to replace it")
    tell(state, code, "No backup of licenses: " .. words)
end

local function tell_progress(now)
    local seen = now.done + now.restricted + now.skipped
    send("progress", wmlb.code.S_OK, ("%d %d %d"):format(seen, now.total, now.bytes_done))
    local of_all = now.total > 0 and (" of %d"):format(now.total) or ""
    mp.osd_message(("Backing up licenses: %d%s"):format(seen, of_all))
end

-- What there is to fetch, without waiting.
local function look()
    local now
    local event, why = operation:next(0)
    while event do
        now = event.progress or now
        event, why = operation:next(0)
    end
    if now then tell_progress(now) end
    if why == "none yet" then return end
    timer:kill()
    local outcome, words, code = operation:result()
    now, operation = operation.progress, nil
    if not outcome then return tell_failure("failed", code, words) end
    tell("done", wmlb.code.S_OK, ("%d licenses backed up, %d that may not be, %d left out"):format(
        now.done, now.restricted, now.skipped))
end

-- The store: nil is the library's default. False, if there is none to choose.
local function store()
    local variable = os.getenv "WMLB_STORE_PATH"
    if settings.store ~= "" then return mp.command_native { "expand-path", settings.store } end
    if variable and variable ~= "" then return nil end
    local found = wmlb.stores() or {}
    for _, one in ipairs(found) do
        if one.player == "wmlb" then return nil end
    end
    if #found > 1 then
        tell("refused", wmlb.code.NOT_CONFIGURED, "No backup of licenses: there are several stores; "
            .. "choose with --script-opts=wmlb-store=PATH")
        return false
    end
    return found[1] and found[1].path
end

local function start(folder, overwrite)
    local words, code
    local chosen = store()
    if chosen == false then return end
    restorer, words, code = wmlb.restorer {
        StorePath = chosen, BackupPath = mp.command_native { "expand-path", folder },
    }
    if restorer then operation, words, code = restorer:start("backup", { overwrite = overwrite }) end
    if not operation then return tell_failure("refused", code, words) end
    tell("running", wmlb.code.S_OK, "Backing up licenses")
    timer = mp.add_periodic_timer(0.2, look)
end

mp.register_script_message("wmlb-backup", function(folder, word, more)
    if not folder or (word and word ~= "overwrite") or more then
        tell("refused", wmlb.code.INVALIDARG, "usage: script-message wmlb-backup FOLDER [overwrite]")
    elseif operation then
        tell("refused", wmlb.code.BUSY, "A backup of licenses is running already")
    else
        start(folder, word ~= nil)
    end
end)

mp.register_script_message("wmlb-backup-cancel", function()
    if operation then operation:cancel() end
end)

mp.register_event("shutdown", function()
    if operation then operation:cancel() end
end)
