<?php
// The driver of PHP: makes the calls of README.md through FFI, with the header's own declarations.
// Events are fetched, and what calls back does so on this thread.

const EXISTS = 0xC00D2742 - (1 << 32);
const PROGRESS = 0x1000;
const FEWER = 0x1002;

$c = FFI::cdef(file_get_contents($argv[1]), getenv('WMLB_LIBRARY'));
$queue = null;
$restorers = [];
$own = null;
$held = [];
$kept = [];

function bytes($at, $size)
{
    return $size ? FFI::string(FFI::cast('char *', $at), $size) : '';
}

// A copy in C's memory, which C is given the address of.
function copied($text)
{
    global $c;
    $copy = $c->new('uint8_t[' . max(1, strlen($text)) . ']');
    FFI::memcpy($copy, $text, strlen($text));
    return $copy;
}

function first($array)
{
    return FFI::addr($array[0]);
}

function create($kind, $function)
{
    global $c;
    $out = $c->new("$kind *[1]");
    $c->$function($out);
    return $out[0];
}

function fetch($way = null, $at = null)
{
    global $c, $queue, $own;
    $event = $c->new('wmlb_event');
    $event->struct_size = FFI::sizeof($event);
    while ($c->wmlb_queue_next($queue, 0xFFFFFFFF, FFI::addr($event)) === 0) {
        $told = is_null($event->value) ? '' : bytes($event->value, $event->value_len);
        if ($event->status === PROGRESS) {
            $now = unpack('Psize/Pdone/Ptotal/Pb/Pt/Prestricted/Pskipped', $told);
            $told = "$now[done] $now[total] $now[restricted] $now[skipped]";
        } elseif ($event->status === FEWER) {
            $told = implode(' ', unpack('P2', $told));
        }
        echo "event $event->status $event->hr $told\n";
        if ($way !== null && $event->status === (int) $at) {
            match ($way) {
                'answer' => $c->wmlb_queue_cancel($queue),
                'restorer' => $c->wmlb_restorer_cancel($own),
                'kind' => $c->wmlb_restorer_cancel_license_backup($own),
            };
            $way = null;
        }
    }
    return 0;
}

function start($kind, $flags)
{
    global $c, $queue, $own;
    $function = ['backup' => 'wmlb_restorer_backup_licenses', 'verify' => 'wmlb_restorer_verify_backup',
        'restore' => 'wmlb_restorer_restore_licenses'][$kind];
    return $c->$function($own, (int) $flags, $c->wmlb_queue_push, $queue);
}

function finish()
{
    global $c, $own;
    $result = $c->new('wmlb_hresult[1]');
    $hr = $c->wmlb_restorer_wait($own, 0xFFFFFFFF, $result);
    return $hr === 0 ? $result[0] : $hr;
}

function operate($kind, $flags, $way = null, $at = null)
{
    $hr = start($kind, $flags);
    fetch($way, $at);
    return $hr < 0 ? $hr : finish();
}

function reset_all()
{
    global $c, $queue, $restorers, $held;
    if ($queue !== null) {
        $c->wmlb_queue_release($queue);
    }
    foreach ($restorers as $one) {
        $c->wmlb_restorer_release($one);
    }
    [$restorers, $held] = [[], []];
    $queue = create('wmlb_queue', 'wmlb_queue_create');
    return 0;
}

function set_prop($name, $type, $value)
{
    global $c, $own;
    return $c->wmlb_restorer_set_prop($own, $name, $type, copied($value), strlen($value));
}

function words()
{
    global $c, $own;
    $buffer = $c->new('char[4096]');
    $size = $c->new('size_t[1]');
    $size[0] = 4096;
    $hr = $c->wmlb_restorer_get_last_error($own, $buffer, $size);
    echo 'name ', FFI::string($buffer), "\n";
    return $hr;
}

function listed($what)
{
    global $c, $own;
    $function = "wmlb_restorer_enumerate_$what";
    return $c->$function($own, function ($license) {
        echo 'name ', bytes($license->name_bytes, $license->name_len), "\n";
        return 0;
    }, null);
}

function hold(...$pairs)
{
    global $c, $own, $held, $kept;
    foreach ($pairs as $pair) {
        [$name, $data] = explode('=', $pair, 2);
        $held[$name] = $data;
    }
    [$rest, $staged, $given] = [[], [], []];
    $kept[] = $ops = $c->new('wmlb_store_ops');
    $ops->struct_size = FFI::sizeof($ops);
    $ops->open = function () use (&$rest) {
        global $held;
        $rest = array_map(null, array_keys($held), array_values($held));
        return 0;
    };
    $ops->next = function ($_, $license) use (&$rest, &$given) {
        if (!$rest) {
            return 1;
        }
        [$name, $data] = array_shift($rest);
        $given = [copied($name), copied($data)];
        [$license->name, $license->name_len] = [first($given[0]), strlen($name)];
        [$license->data, $license->data_len] = [first($given[1]), strlen($data)];
        return 0;
    };
    $ops->put = function ($_, $license) use (&$staged) {
        $staged[bytes($license->name, $license->name_len)] = bytes($license->data, $license->data_len);
        return 0;
    };
    $ops->commit = function () use (&$staged) {
        global $held;
        $held = [...$held, ...$staged];
        return 0;
    };
    $ops->close = function () use (&$staged) {
        $staged = [];
    };
    return $c->wmlb_restorer_set_store($own, FFI::addr($ops), null);
}

function target()
{
    global $c, $own, $kept;
    [$begun, $published] = ['', null];
    $kept[] = $ops = $c->new('wmlb_target_ops');
    $ops->struct_size = FFI::sizeof($ops);
    $ops->capabilities = 3;
    $ops->begin = function () use (&$begun) {
        $begun = '';
        return 0;
    };
    $ops->write = function ($_, $data, $size) use (&$begun) {
        $begun .= bytes($data, $size);
        return 0;
    };
    $ops->publish = function ($_, $overwrite) use (&$begun, &$published) {
        if ($published !== null && !$overwrite) {
            return EXISTS;
        }
        $published = $begun;
        return 0;
    };
    $ops->abandon = function () use (&$begun) {
        $begun = '';
    };
    $ops->stat = function ($_, $info) use (&$published) {
        $info->size = strlen((string) $published);
        return $published === null ? 1 : 0;
    };
    $ops->read = function ($_, $offset, $buffer, $size) use (&$published) {
        $part = substr($published, $offset, $size[0]);
        FFI::memcpy($buffer, $part, strlen($part));
        $size[0] = strlen($part);
        return 0;
    };
    return $c->wmlb_restorer_set_target($own, FFI::addr($ops), null);
}

// FFI of PHP does not tell the number of a stream's descriptor; C's own open does.
function open_target($path, $mode)
{
    global $c, $own;
    static $libc = null;
    $libc ??= FFI::cdef('int open(const char *, int, ...); int close(int);', 'libc.so.6');
    $fd = $libc->open($path, $mode === 'w' ? 0x42 : 0, 0600);
    $hr = $c->wmlb_restorer_set_target_fd($own, $fd);
    $libc->close($fd);
    return $hr;
}

function call($name, ...$words)
{
    global $c, $restorers, $own, $held;
    switch ($name) {
        case 'reset':
            return reset_all();
        case 'new':
            $restorers[] = $own = create('wmlb_restorer', 'wmlb_restorer_create');
            return 0;
        case 'use':
            $own = $restorers[$words[0]];
            return 0;
        case 'set':
            return set_prop($words[0], 1, $words[1]);
        case 'number':
            return set_prop($words[0], 0, pack('V', $words[1]));
        case 'start':
            return start(...$words);
        case 'drain':
            return fetch();
        case 'wait':
            return finish();
        case 'cancel':
            return $c->wmlb_restorer_cancel($own);
        case 'release':
            return $c->wmlb_restorer_release($own);
        case 'words':
            return words();
        case 'list':
            return listed($words[0]);
        case 'hold':
            return hold(...$words);
        case 'held':
            foreach ($held as $license => $data) {
                echo "name $license=$data\n";
            }
            return 0;
        case 'target':
            return target();
        case 'open':
            return open_target(...$words);
        case 'exit':
            exit(0);
        default:
            return operate($name, ...$words);
    }
}

while (($line = fgets(STDIN)) !== false) {
    $result = call(...explode(' ', rtrim($line, "\n")));
    echo "result $result\n";
}
