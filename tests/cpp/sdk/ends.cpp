// The end of an operation and the start of the next; releases; a child of fork().
// usage: ends STORE FOLDER
#include "check.hpp"

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static IWMLicenseBackup *new_backup(const std::string &folder)
{
    IWMLicenseBackup *backup = NULL;
    IWMBackupRestoreProps *props = NULL;
    CHECK(WMCreateBackupRestorer(NULL, &backup) == S_OK);
    CHECK(backup->QueryInterface(&props) == S_OK);
    CHECK(set(props, "BackupPath", folder) == S_OK);
    props->Release();
    return backup;
}

static int threads()
{
    int count = 0;
    DIR *const folder = opendir("/proc/self/task");
    while (folder != NULL && readdir(folder) != NULL)
        count++;
    if (folder != NULL)
        closedir(folder);
    return count - 2;
}

// Whoever has been told of the end can start: at once, and in OnStatus itself.
static void the_next_starts_at_once(const std::string &folder)
{
    IWMLicenseBackup *const backup = new_backup(folder);
    Callback callback;
    for (int round = 0; round < 300; round++) {
        CHECK(backup->BackupLicenses(WM_BACKUP_OVERWRITE, &callback) == S_OK);
        CHECK(callback.Wait() == S_OK);
    }
    HRESULT inside = E_FAIL;
    int left = 300;
    callback.seen = [&](WMT_STATUS status, HRESULT, WMT_ATTR_DATATYPE, BYTE *) {
        if (status == WMT_BACKUPRESTORE_BEGIN)
            CHECK(backup->BackupLicenses(WM_BACKUP_OVERWRITE, &callback) == NS_E_DRM_BACKUPRESTORE_BUSY);
        if (status == WMT_BACKUPRESTORE_END && left-- > 0)
            inside = backup->BackupLicenses(WM_BACKUP_OVERWRITE, &callback);
    };
    CHECK(backup->BackupLicenses(WM_BACKUP_OVERWRITE, &callback) == S_OK);
    CHECK(callback.Wait(301) == S_OK && inside == S_OK);
    callback.seen = nullptr;
    CHECK(backup->Release() == 0);
}

// A program may start the next while it holds a lock that its OnStatus wants.
static void a_start_waits_for_nobody(const std::string &folder)
{
    IWMLicenseBackup *const backup = new_backup(folder);
    Callback callback;
    std::mutex mutex;
    std::condition_variable changed;
    bool told = false;
    callback.seen = [&](WMT_STATUS status, HRESULT, WMT_ATTR_DATATYPE, BYTE *) {
        if (status != WMT_BACKUPRESTORE_END)
            return;
        std::unique_lock<std::mutex> lock(mutex);
        told = true;
        changed.notify_all();
        changed.wait(lock, [&] { return !told; });
    };
    CHECK(backup->BackupLicenses(WM_BACKUP_OVERWRITE, &callback) == S_OK);
    for (int round = 0; round < 3; round++) {
        std::unique_lock<std::mutex> lock(mutex);
        changed.wait(lock, [&] { return told; });
        // OnStatus stands in its wait: it cannot return before this.
        if (round < 2)
            CHECK(backup->BackupLicenses(WM_BACKUP_OVERWRITE, &callback) == S_OK);
        told = false;
        changed.notify_all();
    }
    CHECK(callback.Wait(3) == S_OK);
    CHECK(backup->Release() == 0);
}

// Released from outside: the last event is told, the callback let go of, and no thread is left.
static void a_release_waits(const std::string &folder)
{
    int before = 0;
    for (int round = 0; round < 50; round++) {
        IWMLicenseBackup *const backup = new_backup(folder);
        Callback callback;
        std::atomic<int> ends{0};
        callback.seen = [&](WMT_STATUS status, HRESULT, WMT_ATTR_DATATYPE, BYTE *) {
            ends += status == WMT_ERROR || status == WMT_BACKUPRESTORE_END;
        };
        CHECK(backup->BackupLicenses(WM_BACKUP_OVERWRITE, &callback) == S_OK);
        if (round % 2 == 0)
            callback.Wait();
        CHECK(backup->Release() == 0);
        CHECK(ends == 1 && callback.references == 1);
        // The kernel forgets a thread shortly after it has been joined, so the first count may have
        // one too many; sanitizers have their own.
        int now = threads();
        while (before != 0 && now > before) {
            std::this_thread::yield();
            now = threads();
        }
        before = now;
    }
}

// Released in OnStatus of the last event, after the next was started in it: nothing comes of that.
static void a_release_in_the_last_event(const std::string &folder)
{
    for (int round = 0; round < 50; round++) {
        IWMLicenseBackup *const backup = new_backup(folder);
        Callback callback;
        std::atomic<int> ends{0}, begun{0};
        callback.seen = [&](WMT_STATUS status, HRESULT, WMT_ATTR_DATATYPE, BYTE *) {
            begun += status == WMT_BACKUPRESTORE_BEGIN;
            if (status != WMT_BACKUPRESTORE_END)
                return;
            if (round % 2 == 0)
                CHECK(backup->BackupLicenses(WM_BACKUP_OVERWRITE, &callback) == S_OK);
            backup->Release();
            ends++;
        };
        CHECK(backup->BackupLicenses(WM_BACKUP_OVERWRITE, &callback) == S_OK);
        while (callback.references != 1)
            std::this_thread::yield();
        CHECK(ends == 1 && begun == 1);
    }
}

// The operation's threads take none of the program's signals.
static void signals_are_the_programs(const std::string &folder)
{
    IWMLicenseBackup *const backup = new_backup(folder);
    Callback callback;
    sigset_t none, blocked;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    callback.seen = [](WMT_STATUS, HRESULT, WMT_ATTR_DATATYPE, BYTE *) {
        sigset_t its;
        pthread_sigmask(SIG_BLOCK, NULL, &its);
        CHECK(sigismember(&its, SIGTERM) == 1 && sigismember(&its, SIGUSR1) == 1);
    };
    CHECK(backup->BackupLicenses(WM_BACKUP_OVERWRITE, &callback) == S_OK);
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    CHECK(sigismember(&blocked, SIGTERM) == 0);
    callback.Wait();
    CHECK(backup->Release() == 0);
}

// With WMLB_RUN_HERE all is told on the calling thread, and the call returns the result.
static void an_operation_runs_on_this_thread(const std::string &folder)
{
    const DWORD flags = WM_BACKUP_OVERWRITE | WMLB_RUN_HERE;
    const pthread_t here = pthread_self();
    IWMLicenseBackup *const backup = new_backup(folder);
    Callback callback;
    int events = 0, ends = 0, left = 2;
    callback.deepest = 3; // each in the last event of another
    bool cancels = false;
    callback.seen = [&](WMT_STATUS status, HRESULT hr, WMT_ATTR_DATATYPE, BYTE *) {
        CHECK(pthread_equal(pthread_self(), here));
        events++;
        if (status == WMT_BACKUPRESTORE_BEGIN) {
            CHECK(backup->BackupLicenses(flags, &callback) == NS_E_DRM_BACKUPRESTORE_BUSY);
            if (cancels)
                CHECK(backup->CancelLicenseBackup() == S_OK);
        }
        ends += status == WMT_ERROR && hr == NS_E_DRM_OPERATION_CANCELED;
        ends += status == WMT_BACKUPRESTORE_END;
        // The next one, in the last event.
        if (status == WMT_BACKUPRESTORE_END && left-- > 0)
            CHECK(backup->BackupLicenses(flags, &callback) == S_OK);
    };
    CHECK(backup->BackupLicenses(flags | 0x80000000, &callback) == E_INVALIDARG && events == 0);
    CHECK(backup->BackupLicenses(flags, &callback) == S_OK && ends == 3);
    cancels = true;
    CHECK(backup->BackupLicenses(flags, &callback) == NS_E_DRM_OPERATION_CANCELED && ends == 4);
    CHECK(callback.references == 1 && backup->Release() == 0);
}

// In a child there is no operation: calls are refused, and a release does not wait for one.
static void a_child_does_not_hang(const std::string &folder)
{
    IWMLicenseBackup *const backup = new_backup(folder);
    Callback callback;
    std::atomic<bool> go{false};
    callback.seen = [&](WMT_STATUS status, HRESULT, WMT_ATTR_DATATYPE, BYTE *) {
        while (status == WMT_BACKUPRESTORE_BEGIN && !go)
            std::this_thread::yield();
    };
    CHECK(backup->BackupLicenses(WM_BACKUP_OVERWRITE, &callback) == S_OK);
    const pid_t child = fork();
    if (child == 0) {
        alarm(20);
        const bool refused = backup->BackupLicenses(0, &callback) == E_HANDLE &&
                             backup->CancelLicenseBackup() == E_HANDLE;
        _exit(refused && backup->Release() == 0 ? 0 : 1);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    go = true;
    CHECK(callback.Wait() == S_OK);
    CHECK(backup->Release() == 0);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    setenv("WMLB_STORE_PATH", argv[1], 1);
    the_next_starts_at_once(argv[2]);
    a_start_waits_for_nobody(argv[2]);
    a_release_waits(argv[2]);
    a_release_in_the_last_event(argv[2]);
    signals_are_the_programs(argv[2]);
    an_operation_runs_on_this_thread(argv[2]);
    a_child_does_not_hang(argv[2]);
    return report("ends");
}
