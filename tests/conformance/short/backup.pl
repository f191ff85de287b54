use strict;
use warnings;
use FFI::Platypus 2.00;
my $ffi = FFI::Platypus->new(api => 2, lib => $ENV{WMLB_LIBRARY});
$ffi->attach("wmlb_queue_create" => ["opaque*"], "sint32");
$ffi->attach("wmlb_queue_next" => ["opaque", "uint32", "string"], "sint32");
$ffi->attach("wmlb_queue_cancel" => ["opaque"], "sint32");
$ffi->attach("wmlb_set_${_}_path" => ["string"], "sint32") for "store", "backup";
$ffi->attach("wmlb_backup_licenses" => ["uint32", "opaque", "opaque"], "sint32");

my ($queue, $event) = (undef, pack("Q x32", 40));
wmlb_queue_create(\$queue);
wmlb_set_store_path($ARGV[0]);
wmlb_set_backup_path($ARGV[1]);
wmlb_backup_licenses(0, $ffi->find_symbol("wmlb_queue_push"), $queue);
while (wmlb_queue_next($queue, 0xFFFFFFFF, $event) == 0) {
    print unpack("x8 l", $event), "\n";
    wmlb_queue_cancel($queue) if defined $ARGV[2];
}
exit(unpack("x12 l", $event) == 0 ? 0 : 1);
