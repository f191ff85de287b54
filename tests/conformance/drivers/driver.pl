# The driver of Perl: makes the calls of README.md through FFI::Platypus. Perl cannot be called on a
# thread that is not its own: events are fetched, and what calls back does so on this one.

use strict;
use warnings;
use FFI::Platypus 2.00;
use FFI::Platypus::Buffer qw(buffer_to_scalar);
use FFI::Platypus::Memory qw(memcpy);

my $ffi = FFI::Platypus->new(api => 2, lib => $ENV{WMLB_LIBRARY});
sub attach { $ffi->attach(["wmlb_$_[0]" => $_[0]], $_[1], "sint32") }

attach(queue_create => ["opaque*"]);
attach(queue_next => ["opaque", "uint32", "string"]);
attach($_ => ["opaque"]) for qw(queue_cancel queue_release restorer_release restorer_cancel
    restorer_cancel_license_backup);
attach(restorer_create => ["opaque*"]);
attach(restorer_set_prop => ["opaque", "string", "sint32", "string", "size_t"]);
attach($_ => ["opaque", "uint32", "opaque", "opaque"]) for qw(restorer_backup_licenses
    restorer_restore_licenses restorer_verify_backup);
attach(restorer_wait => ["opaque", "uint32", "sint32*"]);
attach(restorer_get_last_error => ["opaque", "string", "size_t*"]);
$ffi->type("(opaque,opaque)->sint32" => "told");
attach($_ => ["opaque", "told", "opaque"]) for qw(restorer_enumerate_store
    restorer_enumerate_backup);
attach($_ => ["opaque", "string", "opaque"]) for qw(restorer_set_store restorer_set_target);
attach(restorer_set_target_fd => ["opaque", "sint32"]);

my %start = (backup => \&restorer_backup_licenses, restore => \&restorer_restore_licenses,
    verify => \&restorer_verify_backup);
my $push = $ffi->find_symbol("wmlb_queue_push");
my ($EXISTS, $PROGRESS, $FEWER) = (0xC00D2742 - 2**32, 0x1000, 0x1002);
my ($queue, @restorers, $own, %held, @kept);

sub bytes { my ($at, $size) = @_; $size ? buffer_to_scalar($at, $size) : "" }

# Copies bytes to where C wants them.
sub put {
    my ($at, $bytes) = @_;
    memcpy($at, unpack("Q", pack("P", $bytes)), length $bytes) if length $bytes;
}

# A function that C calls, as its address; it is kept as long as the program.
sub called {
    my ($type, $body) = @_;
    push @kept, my $closure = $ffi->closure($body);
    return $ffi->cast($type, "opaque", $closure);
}

sub fetch {
    my ($way, $at) = @_;
    my $event = pack("Q x32", 40);
    while (queue_next($queue, 0xFFFFFFFF, $event) == 0) {
        my ($status, $hr, $value, $size) = (unpack "QlllxxxxQQ", $event)[1, 2, 4, 5];
        my $told = bytes($value, $size);
        $told = join " ", (unpack "Q7", $told)[1, 2, 5, 6] if $status == $PROGRESS;
        $told = join " ", unpack "QQ", $told if $status == $FEWER;
        print "event $status $hr $told\n";
        next unless defined $way && $status == $at;
        $way eq "answer" ? queue_cancel($queue)
            : $way eq "restorer" ? restorer_cancel($own) : restorer_cancel_license_backup($own);
        undef $way;
    }
    return 0;
}

sub finish {
    my $hr = restorer_wait($own, 0xFFFFFFFF, \my $result);
    return $hr == 0 ? $result : $hr;
}

sub store_ops {
    my (@rest, %staged, @given);
    return pack "Q6", 48,
        called("(opaque,sint32)->sint32", sub { @rest = map { [$_, $held{$_}] } keys %held; 0 }),
        called("(opaque,opaque)->sint32", sub {
            return 1 unless @rest;
            @given = @{shift @rest};
            put($_[1] + 8, pack "P Q P Q q", $given[0], length $given[0], $given[1],
                length $given[1], 0);
            0;
        }),
        called("(opaque,opaque)->sint32", sub {
            my ($name, $name_size, $data, $size) = unpack "x8 Q4", bytes($_[1], 40);
            $staged{bytes($name, $name_size)} = bytes($data, $size);
            0;
        }),
        called("(opaque)->sint32", sub { %held = (%held, %staged); 0 }),
        called("(opaque)->void", sub { %staged = () });
}

sub target_ops {
    my ($begun, $published);
    return pack "QLx4Q7", 72, 3,
        called("(opaque,uint64)->sint32", sub { $begun = ""; 0 }),
        called("(opaque,opaque,size_t)->sint32", sub { $begun .= bytes(@_[1, 2]); 0 }),
        0,
        called("(opaque,sint32)->sint32", sub {
            return $EXISTS if defined $published && !$_[1];
            $published = $begun;
            0;
        }),
        called("(opaque)->void", sub { undef $begun }),
        called("(opaque,opaque)->sint32", sub {
            return 1 unless defined $published;
            put($_[1] + 8, pack "Q", length $published);
            0;
        }),
        called("(opaque,uint64,opaque,opaque)->sint32", sub {
            my (undef, $offset, $buffer, $size) = @_;
            my $part = $offset < length $published
                ? substr($published, $offset, unpack "Q", bytes($size, 8)) : "";
            put($buffer, $part);
            put($size, pack "Q", length $part);
            0;
        });
}

my %calls = (
    reset => sub {
        queue_release($queue) if $queue;
        restorer_release($_) for @restorers;
        (@restorers, %held) = ();
        return queue_create(\$queue);
    },
    new => sub {
        my $hr = restorer_create(\$own);
        push @restorers, $own;
        return $hr;
    },
    use => sub { $own = $restorers[$_[0]]; 0 },
    set => sub { restorer_set_prop($own, $_[0], 1, $_[1], length $_[1]) },
    number => sub { restorer_set_prop($own, $_[0], 0, pack("L", $_[1]), 4) },
    start => sub { $start{$_[0]}->($own, $_[1], $push, $queue) },
    drain => sub { fetch() },
    wait => \&finish,
    cancel => sub { restorer_cancel($own) },
    release => sub { restorer_release($own) },
    words => sub {
        my ($buffer, $size) = ("\0" x 4096, 4096);
        my $hr = restorer_get_last_error($own, $buffer, \$size);
        print "name ", unpack("Z*", $buffer), "\n";
        return $hr;
    },
    list => sub {
        my $tell = $ffi->closure(sub {
            print "name ", bytes(unpack "x16 QQ", bytes($_[0], 32)), "\n";
            0;
        });
        return $_[0] eq "store" ? restorer_enumerate_store($own, $tell, undef)
            : restorer_enumerate_backup($own, $tell, undef);
    },
    hold => sub {
        %held = map { split /=/, $_, 2 } @_;
        return restorer_set_store($own, store_ops(), undef);
    },
    held => sub { print "name $_=$held{$_}\n" for keys %held; 0 },
    target => sub { restorer_set_target($own, target_ops(), undef) },
    open => sub {
        open my $file, $_[1] eq "w" ? "+>" : "<", $_[0] or die $!;
        return restorer_set_target_fd($own, fileno $file);
    },
    exit => sub { exit 0 },
);
for my $kind (keys %start) {
    $calls{$kind} = sub {
        my ($flags, @cancel) = @_;
        my $hr = $start{$kind}->($own, $flags, $push, $queue);
        fetch(@cancel);
        return $hr < 0 ? $hr : finish();
    };
}

$| = 1;
while (my $line = <STDIN>) {
    my ($name, @words) = split " ", $line;
    print "result ", $calls{$name}->(@words), "\n";
}
