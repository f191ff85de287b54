/*
 * Where abuse.c works: a folder of its own, and all else read-only.
 */
#ifndef ABUSE_SURROUNDINGS_H
#define ABUSE_SURROUNDINGS_H

#include "../c/harness.h"

#include <sched.h>
#include <sys/mount.h>

/* A file system of its own in the workspace, and all else read-only. */
static int contain(void)
{
    struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
    if (unshare(CLONE_NEWNS) != 0) {
        uid_t user = getuid();
        gid_t group = getgid();
        char map[64];
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
            return 0;
        write_file("/proc/self/setgroups", "deny", 4);
        write_file("/proc/self/uid_map", map, (size_t)sprintf(map, "0 %u 1", user));
        write_file("/proc/self/gid_map", map, (size_t)sprintf(map, "0 %u 1", group));
    }
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &read_only, sizeof read_only) == 0 &&
           mount("abuse", workspace, "tmpfs", 0, "size=512m") == 0;
}

static void furnish(void)
{
    NEED(chdir(workspace) == 0);
    make_store("store", 5, 300);
    write_file("a-file", "a file", 6);
    NEED(symlink("loop", "loop") == 0 && symlink("store", "a-link") == 0);
    NEED(mkfifo("a-pipe", 0600) == 0);
    NEED(mkdir("home", 0700) == 0 && setenv("HOME", in_workspace("home"), 1) == 0);
    write_file("database", "SQLite format 3", 16);
    unsetenv("XDG_DATA_HOME");
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("XDG_CACHE_HOME");
    unsetenv("WMLB_STORE_PATH");
    setenv("TMPDIR", workspace, 1);
}

/* Restores leave licenses in the folders, backups one file: none that begins with a dot. */
static int temporary_files(int number)
{
    char path[64];
    DIR *folder;
    struct dirent *entry;
    int found = 0;
    snprintf(path, sizeof path, "backup-%d", number);
    if ((folder = opendir(path)) == NULL)
        return 0;
    while ((entry = readdir(folder)) != NULL)
        found += entry->d_name[0] == '.' && strcmp(entry->d_name, ".") != 0 &&
                 strcmp(entry->d_name, "..") != 0;
    closedir(folder);
    return found;
}

#endif
