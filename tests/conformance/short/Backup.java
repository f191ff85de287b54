import com.sun.jna.Memory;
import com.sun.jna.NativeLibrary;

public final class Backup {
    static NativeLibrary lib = NativeLibrary.getInstance(System.getenv("WMLB_LIBRARY"));

    static int call(String name, Object... arguments) {
        return lib.getFunction("wmlb_" + name).invokeInt(arguments);
    }

    public static void main(String[] args) {
        Memory queue = new Memory(8), event = new Memory(40);
        event.setLong(0, 40);
        call("queue_create", queue);
        call("set_store_path", args[0]);
        call("set_backup_path", args[1]);
        call("backup_licenses", 0, lib.getFunction("wmlb_queue_push"), queue.getPointer(0));
        while (call("queue_next", queue.getPointer(0), -1, event) == 0) {
            System.out.println(event.getInt(8));
            if (args.length > 2) call("queue_cancel", queue.getPointer(0));
        }
        System.exit(event.getInt(12) == 0 ? 0 : 1);
    }
}
