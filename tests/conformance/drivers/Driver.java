// The driver of Java: makes the calls of README.md through JNA. Events are fetched, so that no thread
// of the library's has to be attached; what calls back does so on this one.

import com.sun.jna.Callback;
import com.sun.jna.CallbackReference;
import com.sun.jna.Function;
import com.sun.jna.Memory;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

public final class Driver {
    private static final int PROGRESS = 0x1000;
    private static final int FEWER = 0x1002;
    private static final int EXISTS = 0xC00D2742;
    private static final NativeLibrary LIB = NativeLibrary.getInstance(System.getenv("WMLB_LIBRARY"));

    private final PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    private final List<Pointer> restorers = new ArrayList<>();
    // What the library may still call.
    private final List<Object> kept = new ArrayList<>();
    private Map<String, String> held = new TreeMap<>();
    private Pointer queue;
    private Pointer own;

    public interface Told extends Callback {
        int call(Pointer told, Pointer ctx);
    }

    public interface One extends Callback {
        int call(Pointer ctx);
    }

    public interface Ended extends Callback {
        void call(Pointer ctx);
    }

    public interface Number extends Callback {
        int call(Pointer ctx, int number);
    }

    public interface Size extends Callback {
        int call(Pointer ctx, long size);
    }

    public interface Item extends Callback {
        int call(Pointer ctx, Pointer item);
    }

    public interface Write extends Callback {
        int call(Pointer ctx, Pointer data, long size);
    }

    public interface Read extends Callback {
        int call(Pointer ctx, long offset, Pointer buffer, Pointer size);
    }

    private static int call(String name, Object... arguments) {
        return LIB.getFunction("wmlb_" + name).invokeInt(arguments);
    }

    private static Pointer create(String name) {
        Memory made = new Memory(8);
        call(name, made);
        return made.getPointer(0);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(Pointer at, long size) {
        return size == 0 ? "" : new String(at.getByteArray(0, (int) size), StandardCharsets.UTF_8);
    }

    private Memory copied(byte[] content) {
        Memory copy = new Memory(Math.max(1, content.length));
        copy.write(0, content, 0, content.length);
        kept.add(copy);
        return copy;
    }

    private Memory ops(long size, Callback... functions) {
        Memory made = new Memory(size);
        made.setLong(0, size);
        long at = size - 8L * functions.length;
        for (Callback function : functions) {
            made.setPointer(at, function == null ? null : CallbackReference.getFunctionPointer(function));
            kept.add(function);
            at += 8;
        }
        kept.add(made);
        return made;
    }

    private int reset() {
        if (queue != null) {
            call("queue_release", queue);
        }
        for (Pointer one : restorers) {
            call("restorer_release", one);
        }
        restorers.clear();
        held.clear();
        queue = create("queue_create");
        return 0;
    }

    private int start(String kind, String flags) {
        String name = Map.of("backup", "restorer_backup_licenses", "restore",
            "restorer_restore_licenses", "verify", "restorer_verify_backup").get(kind);
        Function push = LIB.getFunction("wmlb_queue_push");
        return call(name, own, Integer.parseInt(flags), push, queue);
    }

    private int fetch(String... cancel) {
        Memory event = new Memory(40);
        event.clear();
        event.setLong(0, 40);
        boolean waits = cancel.length > 0;
        while (call("queue_next", queue, -1, event) == 0) {
            int status = event.getInt(8);
            Pointer value = event.getPointer(24);
            String told = "";
            if (status == PROGRESS) {
                told = value.getLong(8) + " " + value.getLong(16) + " " + value.getLong(40) + " "
                    + value.getLong(48);
            } else if (status == FEWER) {
                told = value.getLong(0) + " " + value.getLong(8);
            } else if (value != null) {
                told = text(value, event.getLong(32));
            }
            out.println("event " + status + " " + event.getInt(12) + " " + told);
            if (waits && status == Integer.parseInt(cancel[1])) {
                waits = false;
                switch (cancel[0]) {
                    case "answer" -> call("queue_cancel", queue);
                    case "restorer" -> call("restorer_cancel", own);
                    default -> call("restorer_cancel_license_backup", own);
                }
            }
        }
        return 0;
    }

    private int finish() {
        Memory result = new Memory(4);
        int hr = call("restorer_wait", own, -1, result);
        return hr == 0 ? result.getInt(0) : hr;
    }

    private int hold(List<String> pairs) {
        for (String pair : pairs) {
            String[] parts = pair.split("=", 2);
            held.put(parts[0], parts[1]);
        }
        ArrayDeque<Map.Entry<String, String>> rest = new ArrayDeque<>();
        Map<String, String> staged = new TreeMap<>();
        Number open = (ctx, writes) -> {
            rest.clear();
            rest.addAll(held.entrySet());
            return 0;
        };
        Item next = (ctx, license) -> {
            if (rest.isEmpty()) {
                return 1;
            }
            Map.Entry<String, String> one = rest.remove();
            long at = 8;
            for (byte[] part : List.of(bytes(one.getKey()), bytes(one.getValue()))) {
                license.setPointer(at, copied(part));
                license.setLong(at + 8, part.length);
                at += 16;
            }
            return 0;
        };
        Item put = (ctx, license) -> {
            staged.put(text(license.getPointer(8), license.getLong(16)),
                text(license.getPointer(24), license.getLong(32)));
            return 0;
        };
        One commit = ctx -> {
            held.putAll(staged);
            return 0;
        };
        Ended close = ctx -> staged.clear();
        return call("restorer_set_store", own, ops(48, open, next, put, commit, close), null);
    }

    private int target() {
        ByteArrayOutputStream begun = new ByteArrayOutputStream();
        byte[][] published = {null};
        Size begin = (ctx, hint) -> {
            begun.reset();
            return 0;
        };
        Write write = (ctx, data, size) -> {
            begun.writeBytes(data.getByteArray(0, (int) size));
            return 0;
        };
        Number publish = (ctx, overwrite) -> {
            if (published[0] != null && overwrite == 0) {
                return EXISTS;
            }
            published[0] = begun.toByteArray();
            return 0;
        };
        Ended abandon = ctx -> begun.reset();
        Item stat = (ctx, info) -> {
            info.setLong(8, published[0] == null ? 0 : published[0].length);
            return published[0] == null ? 1 : 0;
        };
        Read read = (ctx, offset, buffer, size) -> {
            long rest = Math.max(0, published[0].length - offset);
            int count = (int) Math.min(rest, size.getLong(0));
            if (count > 0) {
                buffer.write(0, published[0], (int) offset, count);
            }
            size.setLong(0, count);
            return 0;
        };
        Memory made = ops(72, begin, write, null, publish, abandon, stat, read);
        made.setInt(8, 3);
        return call("restorer_set_target", own, made, null);
    }

    // Java does not tell the number of a file's descriptor; C's own open does.
    private int open(String path, String mode) {
        NativeLibrary c = NativeLibrary.getInstance("c");
        Object[] arguments = {path, mode.equals("w") ? 0x42 : 0, 0600};
        int fd = c.getFunction("open").invokeInt(arguments);
        int hr = call("restorer_set_target_fd", own, fd);
        c.getFunction("close").invokeInt(new Object[] {fd});
        return hr;
    }

    private int words() {
        Memory buffer = new Memory(4096);
        Memory size = new Memory(8);
        size.setLong(0, 4096);
        int hr = call("restorer_get_last_error", own, buffer, size);
        out.println("name " + buffer.getString(0, "UTF-8"));
        return hr;
    }

    private int list(String what) {
        Told tell = (license, ctx) -> {
            out.println("name " + text(license.getPointer(16), license.getLong(24)));
            return 0;
        };
        return call("restorer_enumerate_" + what, own, tell, null);
    }

    private int set(String name, int type, byte[] value) {
        return call("restorer_set_prop", own, name, type, copied(value), (long) value.length);
    }

    private int answer(List<String> said) {
        List<String> words = said.subList(1, said.size());
        switch (said.get(0)) {
            case "reset":
                return reset();
            case "new":
                own = create("restorer_create");
                restorers.add(own);
                return 0;
            case "use":
                own = restorers.get(Integer.parseInt(words.get(0)));
                return 0;
            case "set":
                return set(words.get(0), 1, bytes(words.get(1)));
            case "number":
                Memory number = new Memory(4);
                number.setInt(0, Integer.parseInt(words.get(1)));
                return set(words.get(0), 0, number.getByteArray(0, 4));
            case "start":
                return start(words.get(0), words.get(1));
            case "drain":
                return fetch();
            case "wait":
                return finish();
            case "cancel":
                return call("restorer_cancel", own);
            case "release":
                return call("restorer_release", own);
            case "words":
                return words();
            case "list":
                return list(words.get(0));
            case "hold":
                return hold(words);
            case "held":
                held.forEach((name, data) -> out.println("name " + name + "=" + data));
                return 0;
            case "target":
                return target();
            case "open":
                return open(words.get(0), words.get(1));
            default:
                int hr = start(said.get(0), words.get(0));
                fetch(words.subList(1, words.size()).toArray(new String[0]));
                return hr < 0 ? hr : finish();
        }
    }

    public static void main(String[] arguments) throws Exception {
        System.setProperty("jna.encoding", "UTF-8");
        Driver driver = new Driver();
        BufferedReader in =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = in.readLine()) != null && !line.equals("exit");) {
            driver.out.println("result " + driver.answer(Arrays.asList(line.split(" "))));
            driver.out.flush();
        }
    }
}
