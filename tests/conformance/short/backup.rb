require "fiddle/import"

module Wmlb
  extend Fiddle::Importer
  dlload ENV["WMLB_LIBRARY"]
  %w[queue_create(void**) queue_cancel(void*) queue_next(void*,int,void*)
     set_store_path(char*) set_backup_path(char*)
     backup_licenses(int,void*,void*)].each { |function| extern "int wmlb_#{function}" }
end

queue = Fiddle::Pointer.malloc(8, Fiddle::RUBY_FREE)
event = Fiddle::Pointer.malloc(40, Fiddle::RUBY_FREE)
event[0, 40] = [40, 0, 0, 0, 0].pack("Q*")
Wmlb.wmlb_queue_create(queue)
Wmlb.wmlb_set_store_path(ARGV[0])
Wmlb.wmlb_set_backup_path(ARGV[1])
Wmlb.wmlb_backup_licenses(0, Wmlb.handler.handlers[0]["wmlb_queue_push"], queue.ptr)
while Wmlb.wmlb_queue_next(queue.ptr, -1, event).zero?
  puts event[8, 4].unpack1("l")
  Wmlb.wmlb_queue_cancel(queue.ptr) if ARGV[2]
end
exit event[12, 4].unpack1("l").zero?
