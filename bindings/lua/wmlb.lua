--- libwmlb for LuaJIT: backs up, restores, verifies and lists media licenses.
--
-- Events are fetched from a queue, so no thread but the caller's ever enters Lua. README.md shows
-- how: a call that waits, a loop over events, or a descriptor for a loop of the host's.
--
-- Functions give nil, a message and a result code when they fail.

local bit = require "bit"
local ffi = require "ffi"

ffi.cdef [[
typedef int32_t wmlb_hresult;
typedef struct wmlb_restorer wmlb_restorer;
typedef struct wmlb_queue wmlb_queue;
typedef struct wmlb_event {
    size_t struct_size; int32_t status; wmlb_hresult hr; int32_t value_type;
    const uint8_t *value; size_t value_len;
} wmlb_event;
typedef struct wmlb_progress {
    size_t struct_size;
    uint64_t licenses_done, licenses_total, bytes_done, bytes_total;
    uint64_t licenses_restricted, licenses_skipped;
} wmlb_progress;
typedef struct wmlb_license_info {
    size_t struct_size;
    const char *name; const uint8_t *name_bytes; size_t name_len;
    const char *format, *license_id, *key_ids;
    int32_t backup_right; uint64_t size; int64_t modified, valid_from, valid_until;
} wmlb_license_info;
typedef struct wmlb_store_info {
    size_t struct_size; const char *player, *profile, *kind, *path; int32_t running;
} wmlb_store_info;
typedef struct wmlb_store_license {
    size_t struct_size;
    const uint8_t *name; size_t name_len; const uint8_t *data; size_t data_len; int64_t modified;
} wmlb_store_license;
typedef struct wmlb_target_info { size_t struct_size; uint64_t size; int64_t modified; } wmlb_target_info;
typedef wmlb_hresult (*wmlb_license_callback)(const wmlb_license_info *, void *);
typedef wmlb_hresult (*wmlb_store_callback)(const wmlb_store_info *, void *);
typedef struct wmlb_store_ops {
    size_t struct_size;
    wmlb_hresult (*open)(void *, int32_t);
    wmlb_hresult (*next)(void *, wmlb_store_license *);
    wmlb_hresult (*put)(void *, const wmlb_store_license *);
    wmlb_hresult (*commit)(void *);
    void (*close)(void *);
} wmlb_store_ops;
typedef struct wmlb_target_ops {
    size_t struct_size; uint32_t capabilities;
    wmlb_hresult (*begin)(void *, uint64_t);
    wmlb_hresult (*write)(void *, const uint8_t *, size_t);
    wmlb_hresult (*reuse)(void *, uint64_t, uint64_t);
    wmlb_hresult (*publish)(void *, int32_t);
    void (*abandon)(void *);
    wmlb_hresult (*stat)(void *, wmlb_target_info *);
    wmlb_hresult (*read)(void *, uint64_t, uint8_t *, size_t *);
} wmlb_target_ops;

/* Its type is that of a callback, but it is only ever passed on. */
extern char wmlb_queue_push[];
wmlb_hresult wmlb_queue_create(wmlb_queue **);
wmlb_hresult wmlb_queue_next(wmlb_queue *, uint32_t, wmlb_event *);
wmlb_hresult wmlb_queue_fd(wmlb_queue *, int32_t *);
wmlb_hresult wmlb_queue_cancel(wmlb_queue *);
wmlb_hresult wmlb_queue_release(wmlb_queue *);
wmlb_hresult wmlb_restorer_create(wmlb_restorer **);
wmlb_hresult wmlb_restorer_release(wmlb_restorer *);
wmlb_hresult wmlb_restorer_set_prop(wmlb_restorer *, const char *, int32_t, const uint8_t *, size_t);
wmlb_hresult wmlb_restorer_backup_licenses(wmlb_restorer *, uint32_t, const void *, void *);
wmlb_hresult wmlb_restorer_restore_licenses(wmlb_restorer *, uint32_t, const void *, void *);
wmlb_hresult wmlb_restorer_verify_backup(wmlb_restorer *, uint32_t, const void *, void *);
wmlb_hresult wmlb_restorer_cancel(wmlb_restorer *);
wmlb_hresult wmlb_restorer_wait(wmlb_restorer *, uint32_t, wmlb_hresult *);
wmlb_hresult wmlb_restorer_get_last_error(wmlb_restorer *, char *, size_t *);
wmlb_hresult wmlb_restorer_enumerate_store(wmlb_restorer *, wmlb_license_callback, void *);
wmlb_hresult wmlb_restorer_enumerate_backup(wmlb_restorer *, wmlb_license_callback, void *);
wmlb_hresult wmlb_restorer_set_store(wmlb_restorer *, const wmlb_store_ops *, void *);
wmlb_hresult wmlb_restorer_set_target(wmlb_restorer *, const wmlb_target_ops *, void *);
wmlb_hresult wmlb_restorer_set_target_fd(wmlb_restorer *, int32_t);
wmlb_hresult wmlb_discover_stores(wmlb_store_callback, void *);
const char *wmlb_version(void);
const char *wmlb_hresult_name(wmlb_hresult);
const char *wmlb_hresult_message(wmlb_hresult);
]]

local lib = ffi.load(os.getenv("WMLB_LIBRARY") or "libwmlb.so.1")

local wmlb = { lib = lib }

wmlb.status = {
    ERROR = 0, BEGIN = 21, END = 27, CONNECTING = 28, DISCONNECTING = 29, ERROR_WITHURL = 30,
    RESTRICTED = 31, PROGRESS = 0x1000, SKIPPED = 0x1001, FEWER = 0x1002,
}
wmlb.flags = {
    backup = { overwrite = 0x1, partial = 0x100, verify = 0x200, reread = 0x400, empty = 0x800 },
    restore = { individualize = 0x2, overwrite = 0x100, allow_clear = 0x1000 },
    verify = { allow_clear = 0x1000 },
}
wmlb.code = {
    S_OK = 0, S_FALSE = 1, TIMEOUT = bit.tobit(0x80070102), FAIL = bit.tobit(0x80004005),
    CANCELED = bit.tobit(0xC00D2768), NOT_ALL_STORED = bit.tobit(0xC00D275F),
    EXISTS = bit.tobit(0xC00D2742), BUSY = bit.tobit(0xC00D2744),
    NOT_CONFIGURED = bit.tobit(0xC00D2764), INVALIDARG = bit.tobit(0x80070057),
}
local RUN_HERE, FOREVER, STRING, DWORD = 0x10000, 0xFFFFFFFF, 1, 0
local code, status = wmlb.code, wmlb.status
local starts = {
    backup = lib.wmlb_restorer_backup_licenses, restore = lib.wmlb_restorer_restore_licenses,
    verify = lib.wmlb_restorer_verify_backup,
}

--- The name of a result code in the SDK, and a sentence about it.
function wmlb.name(hr) return ffi.string(lib.wmlb_hresult_name(hr)) end
function wmlb.message(hr) return ffi.string(lib.wmlb_hresult_message(hr)) end
function wmlb.version() return ffi.string(lib.wmlb_version()) end

-- Words of the library's about its flags, and what they are called here.
local own_words = {
    [", and WMLB_BACKUP_OVERWRITE was not given"] = ": overwrite = true replaces it",
    ["since WMLB_BACKUP_EMPTY was not given"] = "unless empty = true is given",
    [", and WMLB_RESTORE_INDIVIDUALIZE was not given"] = ": individualize = true allows it",
    ["WMLB_BACKUP_VERIFY"] = "verify = true",
}

local function failed(hr, words)
    words = words and words ~= "" and words or wmlb.message(hr)
    for flag, own in pairs(own_words) do words = words:gsub(flag, own) end
    words = words:gsub(" %(os error %d+%)", "") -- its words precede it
    return nil, words, hr
end

-- What the library calls while a call of ours is under way, on this thread: code that LuaJIT has
-- compiled cannot be called back, so what makes such calls is interpreted.
local function interpreted(body)
    jit.off(body, true)
    return body
end

-- Calls body with a callback of the type, which is freed afterwards. An error in it ends the call,
-- and is raised from here.
local with_callback = interpreted(function(kind, callback, body)
    local problem
    local c = ffi.cast(kind, function(told)
        local good, why = pcall(callback, told)
        if not good then problem = why end
        return good and code.S_OK or code.FAIL
    end)
    local hr = body(c)
    c:free()
    if problem then error(problem, 0) end
    return hr
end)

local function text(told) return told ~= nil and ffi.string(told) or "" end

local function license_of(info)
    local keys = {}
    for id in text(info.key_ids):gmatch "[^\n]+" do keys[#keys + 1] = id end
    return {
        name = ffi.string(info.name_bytes, info.name_len), format = text(info.format),
        license_id = text(info.license_id), key_ids = keys, backup_right = info.backup_right,
        size = tonumber(info.size), modified = tonumber(info.modified),
    }
end

--- The stores of players that are found on this machine: {player, profile, kind, path, running}.
wmlb.stores = interpreted(function()
    local found = {}
    local hr = with_callback("wmlb_store_callback", function(info)
        found[#found + 1] = {
            player = text(info.player), profile = text(info.profile), kind = text(info.kind),
            path = text(info.path), running = info.running,
        }
    end, function(c) return lib.wmlb_discover_stores(c, nil) end)
    if hr < 0 then return failed(hr) end
    return found
end)

-- Operations.

local Operation = {}
Operation.__index = Operation

local function event_of(told)
    local event = { status = told.status, code = told.hr }
    if told.status == status.PROGRESS then
        local now = ffi.cast("const wmlb_progress *", told.value)
        event.progress = {
            done = tonumber(now.licenses_done), total = tonumber(now.licenses_total),
            bytes_done = tonumber(now.bytes_done), bytes_total = tonumber(now.bytes_total),
            restricted = tonumber(now.licenses_restricted),
            skipped = tonumber(now.licenses_skipped),
        }
    elseif told.status == status.FEWER then
        local counts = ffi.new "uint64_t[2]"
        ffi.copy(counts, told.value, 16)
        event.before, event.now = tonumber(counts[0]), tonumber(counts[1])
    elseif told.value_type == STRING then
        event.text = ffi.string(told.value, told.value_len)
    end
    return event
end

--- The next event, waiting for it so many milliseconds (0: not at all; none: as long as it takes).
-- nil, "none yet" or, after the last one, nil, "ended".
function Operation:next(timeout)
    if self.ended then return nil, "ended" end
    local told = self.told
    local hr = lib.wmlb_queue_next(self.queue, timeout or FOREVER, told)
    if hr == code.TIMEOUT then return nil, "none yet" end
    if hr ~= code.S_OK then
        self.ended = true
        return nil, "ended"
    end
    local event = event_of(told)
    if event.status == status.SKIPPED then
        table.insert(self.skipped, { name = event.text, code = event.code })
    elseif event.status == status.RESTRICTED then
        table.insert(self.restricted, event.text)
    elseif event.progress then
        self.progress = event.progress
    elseif event.status == status.END or event.status == status.ERROR
        or event.status == status.ERROR_WITHURL then
        self.last, self.ended = event, true
    end
    return event
end

--- For a loop over all events: for event in operation:events() do.
function Operation:events()
    return function() return (self:next()) end
end

--- A descriptor that is readable while there are events. Not to be closed.
function Operation:fd()
    local fd = ffi.new "int32_t[1]"
    local hr = lib.wmlb_queue_fd(self.queue, fd)
    if hr < 0 then return failed(hr) end
    return fd[0]
end

--- Asks it to end. Its last event still comes.
function Operation:cancel()
    return lib.wmlb_queue_cancel(self.queue) == code.S_OK
end

--- How it ended, once the last event was fetched; waits for that. A table with path, progress,
-- is_partial, restricted, skipped; or nil, a message, a code and, if there is one, an address.
function Operation:result()
    while self:next() do end
    local last = self.last
    if not last then return failed(code.FAIL, "the queue was released") end
    if last.status == status.ERROR_WITHURL then
        return nil, wmlb.message(last.code), last.code, last.text
    elseif last.status ~= status.END then
        return failed(last.code, last.text)
    end
    return {
        path = last.text, progress = self.progress, is_partial = last.code < 0,
        restricted = self.restricted, skipped = self.skipped,
    }
end

-- Restorers.

local Restorer = {}
Restorer.__index = Restorer

--- A restorer; properties: those of wmlb.h by name, such as StorePath and BackupPath.
function wmlb.restorer(properties)
    local out = ffi.new "wmlb_restorer *[1]"
    local hr = lib.wmlb_restorer_create(out)
    if hr < 0 then return failed(hr) end
    local self = setmetatable({ handle = ffi.gc(out[0], lib.wmlb_restorer_release) }, Restorer)
    for name, value in pairs(properties or {}) do
        local good, words, why = self:set(name, value)
        if not good then return nil, words, why end
    end
    return self
end

function Restorer:last_error()
    local size, buffer = ffi.new "size_t[1]", nil
    repeat
        buffer = ffi.new("char[?]", math.max(tonumber(size[0]), 1))
        local hr = lib.wmlb_restorer_get_last_error(self.handle, buffer, size)
        if hr == code.S_OK then return ffi.string(buffer) end
    until size[0] == 0 or hr ~= bit.tobit(0x8007007A)
    return ""
end

function Restorer:check(hr)
    if hr < 0 then return failed(hr, self:last_error()) end
    return true, nil, hr
end

--- Sets a property, to a string or a number.
function Restorer:set(name, value)
    if type(value) == "number" then
        local number = ffi.new("uint32_t[1]", value)
        return self:check(lib.wmlb_restorer_set_prop(
            self.handle, name, DWORD, ffi.cast("uint8_t *", number), 4))
    end
    return self:check(lib.wmlb_restorer_set_prop(self.handle, name, STRING, value, #value))
end

local function flags_of(kind, options)
    local flags = options.flags or 0
    for name, flag in pairs(wmlb.flags[kind]) do
        if options[name] then flags = bit.bor(flags, flag) end
    end
    return flags
end

-- With run_here the operation has ended when this returns, and its events wait to be fetched.
local begin = interpreted(function(self, kind, flags)
    local out = ffi.new "wmlb_queue *[1]"
    local hr = lib.wmlb_queue_create(out)
    if hr < 0 then return failed(hr) end
    local operation = setmetatable({
        queue = ffi.gc(out[0], lib.wmlb_queue_release), restorer = self, skipped = {},
        restricted = {}, told = ffi.new("wmlb_event", { ffi.sizeof "wmlb_event" }),
    }, Operation)
    hr = starts[kind](self.handle, flags, lib.wmlb_queue_push, operation.queue)
    -- One that ran here has its result in its events.
    local ran = bit.band(flags, RUN_HERE) ~= 0
    if hr < 0 and not (ran and operation:has_events()) then return self:check(hr) end
    if ran and self.problem then
        local problem = self.problem
        self.problem = nil
        error(problem, 0)
    end
    return operation
end)

function Operation:has_events()
    local polled = lib.wmlb_queue_next(self.queue, 0, self.told)
    if polled ~= code.S_OK then return false end
    local first, next_one = event_of(self.told), self.next
    -- It is given out by the next call of next().
    self.next = function()
        self.next = nil
        return first
    end
    return next_one ~= nil
end

--- Starts "backup", "restore" or "verify", and gives the operation. options: overwrite = true and
-- so on, as in wmlb.flags. With a store or target of the host's it runs to its end first.
function Restorer:start(kind, options)
    local flags = flags_of(kind, options or {})
    if self.is_called then flags = bit.bor(flags, RUN_HERE) end
    return begin(self, kind, flags)
end

-- Runs one to its end: on_event is given each event, and may give false to cancel.
local function run(self, kind, options)
    options = options or {}
    local operation, words, why = self:start(kind, options)
    if not operation then return nil, words, why end
    for event in operation:events() do
        if options.on_event and options.on_event(event) == false then operation:cancel() end
    end
    return operation:result()
end

function Restorer:backup(options) return run(self, "backup", options) end
function Restorer:restore(options) return run(self, "restore", options) end
function Restorer:verify(options) return run(self, "verify", options) end

--- Cancels what runs. Whether anything did.
function Restorer:cancel()
    return self:check(lib.wmlb_restorer_cancel(self.handle))
end

--- Waits; the result code of the last operation. nil when there was none.
function Restorer:wait(timeout)
    local result = ffi.new "wmlb_hresult[1]"
    local hr = lib.wmlb_restorer_wait(self.handle, timeout or FOREVER, result)
    if hr ~= code.S_OK then return failed(hr) end
    return result[0]
end

--- Cancels what runs, waits for its end, and wipes the secrets.
function Restorer:release()
    ffi.gc(self.handle, nil)
    return self:check(lib.wmlb_restorer_release(self.handle))
end

--- The licenses in the "store" or the "backup".
Restorer.list = interpreted(function(self, what)
    local found = {}
    local hr = with_callback("wmlb_license_callback", function(info)
        found[#found + 1] = license_of(info)
    end, function(c) return lib["wmlb_restorer_enumerate_" .. what](self.handle, c, nil) end)
    if hr < 0 then return self:check(hr) end
    return found
end)

--- Uses an open descriptor as backup file: see wmlb_restorer_set_target_fd().
function Restorer:set_target_fd(fd)
    return self:check(lib.wmlb_restorer_set_target_fd(self.handle, fd))
end

-- A function of the host's as one of C: what it raises is kept, and ends the operation. It gives
-- a code, or nothing where all is well.
local function guarded(self, body)
    return function(_, ...)
        local good, answer = pcall(body, ...)
        if good then return answer or code.S_OK end
        self.problem = self.problem or answer
        return code.FAIL
    end
end

-- Functions of one kind stay for as long as the restorer, since what runs may still call them.
local function keep(self, kind, functions)
    local ops = ffi.new(kind)
    ops.struct_size = ffi.sizeof(kind)
    for name, body in pairs(functions) do ops[name] = guarded(self, body) end
    self.kept = self.kept or {}
    table.insert(self.kept, ops)
    self.is_called = true
    return ops
end

--- Sets a store that the host keeps itself: licenses() gives a list of {name, data, modified}; for
-- restores, put(name, data, modified) stages a license, commit() puts all in place, and close()
-- ends what began, staged or not.
function Restorer:set_store(store)
    local list, at
    local ops = keep(self, "wmlb_store_ops", {
        open = function()
            list, at = store.licenses(), 0
        end,
        next = function(told)
            at = at + 1
            local license = list[at]
            if not license then return code.S_FALSE end
            local name, data = license.name, license.data
            told.name, told.name_len = ffi.cast("const uint8_t *", name), #name
            told.data, told.data_len = ffi.cast("const uint8_t *", data), #data
            told.modified = license.modified or 0
        end,
        put = store.put and function(told)
            store.put(ffi.string(told.name, told.name_len), ffi.string(told.data, told.data_len),
                tonumber(told.modified))
        end,
        commit = store.put and function() store.commit() end,
        close = function()
            list = nil
            if store.close then store.close() end
        end,
    })
    return self:check(lib.wmlb_restorer_set_store(self.handle, ops, nil))
end

--- Sets a target of the host's: begin(), write(bytes), publish(overwrite), which gives false where
-- there is a backup and overwrite is not given, abandon(), size(), which gives nil where there is
-- none, and read(offset, size), which gives bytes, "" at the end.
function Restorer:set_target(target)
    local ops = keep(self, "wmlb_target_ops", {
        begin = function() target.begin() end,
        write = function(data, size) target.write(ffi.string(data, size)) end,
        publish = function(overwrite)
            if target.publish(overwrite ~= 0) == false then return code.EXISTS end
        end,
        abandon = function() target.abandon() end,
        stat = function(info)
            local size = target.size()
            if not size then return code.S_FALSE end
            info.size = size
        end,
        read = function(offset, buffer, size)
            local bytes = target.read(tonumber(offset), tonumber(size[0]))
            ffi.copy(buffer, bytes, #bytes)
            size[0] = #bytes
        end,
    })
    ops.capabilities = 3
    return self:check(lib.wmlb_restorer_set_target(self.handle, ops, nil))
end

return wmlb
