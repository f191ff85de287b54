<?php
$c = FFI::cdef(file_get_contents(getenv('WMLB_DECLARATIONS')), getenv('WMLB_LIBRARY'));
$queue = $c->new('wmlb_queue *[1]');
$event = $c->new('wmlb_event');
$event->struct_size = FFI::sizeof($event);
$c->wmlb_queue_create($queue);
$c->wmlb_set_store_path($argv[1]);
$c->wmlb_set_backup_path($argv[2]);
$c->wmlb_backup_licenses(0, $c->wmlb_queue_push, $queue[0]);
while ($c->wmlb_queue_next($queue[0], 0xFFFFFFFF, FFI::addr($event)) === 0) {
    echo $event->status, "\n";
    isset($argv[3]) && $c->wmlb_queue_cancel($queue[0]);
}
exit($event->hr === 0 ? 0 : 1);
