# The driver of Ruby: makes the calls of README.md through Fiddle, which cannot be called on a thread
# that is not Ruby's: all events are fetched, and what calls back does so on this one.

require "fiddle"

LIB = Fiddle.dlopen(ARGV[0])
P, I, U, Z = Fiddle::TYPE_VOIDP, Fiddle::TYPE_INT, -Fiddle::TYPE_INT, -Fiddle::TYPE_SIZE_T
L = -Fiddle::TYPE_LONG_LONG

def function(name, *types)
  Fiddle::Function.new(LIB["wmlb_" + name], types, I)
end

CREATE = function("queue_create", P)
NEXT = function("queue_next", P, U, P)
QUEUE_CANCEL = function("queue_cancel", P)
QUEUE_RELEASE = function("queue_release", P)
NEW = function("restorer_create", P)
SET = function("restorer_set_prop", P, P, I, P, Z)
OPERATIONS = {
  "backup" => function("restorer_backup_licenses", P, U, P, P),
  "restore" => function("restorer_restore_licenses", P, U, P, P),
  "verify" => function("restorer_verify_backup", P, U, P, P),
}
CANCEL = function("restorer_cancel", P)
KIND = function("restorer_cancel_license_backup", P)
WAIT = function("restorer_wait", P, U, P)
RELEASE = function("restorer_release", P)
WORDS = function("restorer_get_last_error", P, P, P)
LISTS = {
  "store" => function("restorer_enumerate_store", P, P, P),
  "backup" => function("restorer_enumerate_backup", P, P, P),
}
SET_STORE = function("restorer_set_store", P, P, P)
SET_TARGET = function("restorer_set_target", P, P, P)
SET_TARGET_FD = function("restorer_set_target_fd", P, I)
EXISTS = 0xC00D2742 - (1 << 32)
PROGRESS, FEWER = 0x1000, 0x1002

def handle
  out = Fiddle::Pointer.malloc(8, Fiddle::RUBY_FREE)
  yield out
  out.ptr
end

# A function that C calls, as its address; it is kept as long as the program.
KEPT = []
def called(types, result = I, &body)
  closure = Class.new(Fiddle::Closure) { define_method(:call, &body) }.new(result, types)
  KEPT << closure
  closure.to_i
end

def bytes(at, size)
  size.zero? ? "" : Fiddle::Pointer.new(at)[0, size]
end

class Driver
  def reset
    QUEUE_RELEASE.call(@queue) if @queue
    (@restorers || []).each { |one| RELEASE.call(one) }
    @restorers, @held = [], {}
    @queue = handle { |out| CREATE.call(out) }
    0
  end

  def new
    @restorers << (@own = handle { |out| NEW.call(out) })
    0
  end

  def use(number)
    @own = @restorers[number.to_i]
    0
  end

  def set(name, value)
    SET.call(@own, name, 1, value, value.bytesize)
  end

  def number(name, value)
    SET.call(@own, name, 0, [value.to_i].pack("L"), 4)
  end

  def start(kind, flags)
    OPERATIONS[kind].call(@own, flags.to_i, LIB["wmlb_queue_push"], @queue)
  end

  def drain(way = nil, at = nil)
    event = Fiddle::Pointer.malloc(40, Fiddle::RUBY_FREE)
    event[0, 8] = [40].pack("Q")
    while NEXT.call(@queue, 0xFFFFFFFF, event).zero?
      _, status, hr, _, value, size = event[0, 40].unpack("QlllxxxxQQ")
      told = bytes(value, size)
      case status
      when PROGRESS then told = told.unpack("Q7").values_at(1, 2, 5, 6).join(" ")
      when FEWER then told = told.unpack("QQ").join(" ")
      end
      puts "event #{status} #{hr} #{told}"
      next unless way && status == at.to_i

      { "answer" => [QUEUE_CANCEL, @queue], "restorer" => [CANCEL, @own],
        "kind" => [KIND, @own] }[way].then { |cancel, of| cancel.call(of) }
      way = nil
    end
    0
  end

  %w[backup restore verify].each do |kind|
    define_method(kind) do |flags, way = nil, at = nil|
      hr = start(kind, flags)
      drain(way, at)
      hr.negative? ? hr : wait
    end
  end

  def wait
    result = Fiddle::Pointer.malloc(4, Fiddle::RUBY_FREE)
    hr = WAIT.call(@own, 0xFFFFFFFF, result)
    hr.zero? ? result[0, 4].unpack1("l") : hr
  end

  def cancel
    CANCEL.call(@own)
  end

  def release
    RELEASE.call(@own)
  end

  def words
    text = "\0" * 4096
    WORDS.call(@own, text, [4096].pack("Q")).tap { puts "name #{text.unpack1('Z*')}" }
  end

  def list(what)
    tell = called([P, P]) do |info, _|
      puts "name #{info[16, 16].unpack('QQ').then { |at, size| bytes(at, size) }}"
      0
    end
    LISTS[what].call(@own, tell, nil)
  end

  def hold(*pairs)
    @held = pairs.to_h { |pair| pair.split("=", 2) }
    held, rest, given, staged = @held, nil, nil, {}
    SET_STORE.call(@own, [
      48,
      called([P, I]) { |*| rest = held.to_a; 0 },
      called([P, P]) do |_, license|
        next 1 if rest.empty?

        given = rest.shift.map { |text| Fiddle::Pointer[text] }
        license[8, 40] = given.flat_map { |text| [text.to_i, text.size] }.push(0).pack("Q4q")
        0
      end,
      called([P, P]) do |_, license|
        name, name_size, data, size = license[8, 32].unpack("Q4")
        staged[bytes(name, name_size)] = bytes(data, size)
        0
      end,
      called([P]) { |_| held.update(staged); 0 },
      called([P], Fiddle::TYPE_VOID) { |_| staged = {} },
    ].pack("Q*"), nil)
  end

  def held
    @held.each { |name, data| puts "name #{name}=#{data}" }
    0
  end

  def target
    begun, published = nil, nil
    SET_TARGET.call(@own, [
      72, 3,
      called([P, L]) { |*| begun = "".b; 0 },
      called([P, P, Z]) { |_, data, size| begun << data[0, size]; 0 },
      0,
      called([P, I]) do |_, overwrite|
        next EXISTS if published && overwrite.zero?

        published = begun
        0
      end,
      called([P], Fiddle::TYPE_VOID) { |_| begun = nil },
      called([P, P]) do |_, info|
        next 1 unless published

        info[8, 8] = [published.size].pack("Q")
        0
      end,
      called([P, L, P, P]) do |_, offset, buffer, size|
        part = published[offset, size[0, 8].unpack1("Q")] || ""
        buffer[0, part.size] = part unless part.empty?
        size[0, 8] = [part.size].pack("Q")
        0
      end,
    ].pack("QL x4 Q*"), nil)
  end

  def open(path, mode)
    File.open(path, mode == "w" ? File::RDWR | File::CREAT : File::RDONLY) do |file|
      SET_TARGET_FD.call(@own, file.fileno)
    end
  end
end

driver = Driver.new
$stdin.each_line(chomp: true) do |line|
  exit 0 if line == "exit"
  puts "result #{driver.public_send(*line.split)}"
  $stdout.flush
end
