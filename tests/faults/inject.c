/*
 * Runs a program that stops itself where the interference is to begin, and where it is to end
 * (client.c), and interferes with its system calls in between, those of all its threads
 * counted together in the order in which they are made:
 *
 *     inject NAME N ACTION PROGRAM ARGUMENT...
 *
 * NAME: a system call's, or "any". ACTION: "log": prints the names of all calls; a number: the
 * N-th such call is not made and fails with this errno; "kill": SIGKILL at its entry;
 * "short": it reads or writes half of what was asked for, truly. With a + after it, so do
 * all later ones; "short" is then one byte (or one buffer) each.
 *
 * Prints how many calls were interfered with and how the program ended: "hits exit CODE" or
 * "hits signal NUMBER". What the program prints comes before that.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the registers are those of x86_64"
#endif

/* The calls that have names here, and which argument says how much. */
static const struct {
    const char *name;
    long number;
    size_t amount;
} CALLS[] = {
#define CALL(name) {#name, SYS_##name, 0}
#define SIZED(name, register) {#name, SYS_##name, offsetof(struct user, regs.register)}
    SIZED(read, rdx), SIZED(write, rdx), SIZED(pread64, rdx), SIZED(pwrite64, rdx),
    SIZED(readv, rdx), SIZED(writev, rdx), SIZED(preadv, rdx), SIZED(pwritev, rdx),
    SIZED(copy_file_range, r8), SIZED(sendfile, r10), SIZED(getrandom, rsi),
    CALL(openat), CALL(openat2), CALL(open), CALL(close), CALL(fstat), CALL(stat), CALL(lstat),
    CALL(newfstatat), CALL(statx), CALL(lseek), CALL(fcntl), CALL(flock), CALL(fsync),
    CALL(fdatasync), CALL(syncfs), CALL(sync_file_range), CALL(ftruncate), CALL(fallocate),
    CALL(fadvise64), CALL(getdents64), CALL(rename), CALL(renameat), CALL(renameat2),
    CALL(link), CALL(linkat), CALL(unlink), CALL(unlinkat), CALL(mkdir), CALL(mkdirat),
    CALL(rmdir), CALL(chmod), CALL(fchmod), CALL(fchmodat), CALL(fchown), CALL(fchownat),
    CALL(utimensat), CALL(readlink), CALL(readlinkat), CALL(access), CALL(faccessat),
    CALL(faccessat2), CALL(getcwd), CALL(fstatfs), CALL(statfs), CALL(ioctl),
    CALL(fgetxattr), CALL(fsetxattr), CALL(clone3), CALL(clone), CALL(memfd_create),
    CALL(dup), CALL(dup3), CALL(pipe2), CALL(geteuid), CALL(ioprio_set), CALL(setpriority),
    CALL(uname), CALL(sysinfo), CALL(prctl), CALL(sched_getaffinity),
};
enum { CALL_COUNT = sizeof CALLS / sizeof CALLS[0], MANY = 4096 };

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

static int find(long number)
{
    for (int index = 0; index < CALL_COUNT; index++)
        if (CALLS[index].number == number)
            return index;
    return -1;
}

/* Threads that are inside a system call; of those, what it is to give, and the register with its
 * amount if that was cut, and what was in it. */
static struct {
    pid_t thread;
    int inside, failing;
    size_t cut;
    long amount;
} threads[MANY];

static int slot_of(pid_t thread)
{
    int slot = 0;
    while (threads[slot].thread != 0 && threads[slot].thread != thread)
        if (++slot == MANY)
            exit(2);
    threads[slot].thread = thread;
    return slot;
}

static void poke(pid_t thread, size_t where, long value)
{
    if (ptrace(PTRACE_POKEUSER, thread, where, value) != 0 && errno != ESRCH)
        fail("poke");
}

int main(int count, char **arguments)
{
    if (count < 5)
        return 2;
    const char *name = arguments[1], *action = arguments[3];
    long wanted = atol(arguments[2]), seen = 0, hits = 0;
    int on = strchr(action, '+') != NULL, tracing = 1, status = 0;
    int logs = strncmp(action, "log", 3) == 0, kills = strncmp(action, "kill", 4) == 0;
    int cuts = strncmp(action, "short", 5) == 0;
    int error = atoi(action);
    setvbuf(stdout, NULL, _IOFBF, 1 << 20); /* after what the program prints */

    pid_t child = fork();
    if (child == 0) {
        setenv("WMLB_TRACED", "1", 1);
        execv(arguments[4], arguments + 4);
        fail(arguments[4]);
    }
    if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status)) {
        printf("0 unstarted %d\n", status);
        return 2;
    }
    if (ptrace(PTRACE_SETOPTIONS, child, NULL,
               PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL) != 0)
        fail("options");
    ptrace(PTRACE_SYSCALL, child, NULL, NULL);

    for (;;) {
        pid_t thread = waitpid(-1, &status, __WALL);
        if (thread < 0)
            fail("wait");
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (thread == child)
                break;
            threads[slot_of(thread)].inside = 0;
            continue;
        }
        int signal = WSTOPSIG(status), given = 0;
        if (signal == (SIGTRAP | 0x80) && tracing) {
            int slot = slot_of(thread);
            threads[slot].inside = !threads[slot].inside;
            if (threads[slot].inside) {
                long number = ptrace(PTRACE_PEEKUSER, thread, offsetof(struct user, regs.orig_rax), 0);
                int call = find(number);
                int matches = strcmp(name, "any") == 0
                                  ? number != SYS_futex
                                  : call >= 0 && strcmp(name, CALLS[call].name) == 0;
                if (logs && number != SYS_futex)
                    call >= 0 ? printf("%s\n", CALLS[call].name) : printf("%ld\n", number);
                else if (matches && (++seen == wanted || (on && seen > wanted))) {
                    hits++;
                    if (kills) {
                        kill(child, SIGKILL);
                        continue;
                    }
                    if (cuts && call >= 0 && CALLS[call].amount != 0) {
                        long amount = ptrace(PTRACE_PEEKUSER, thread, CALLS[call].amount, 0);
                        if (amount > 1) {
                            poke(thread, CALLS[call].amount, on ? 1 : amount / 2);
                            threads[slot].cut = CALLS[call].amount;
                            threads[slot].amount = amount;
                        }
                    } else if (!cuts) {
                        poke(thread, offsetof(struct user, regs.orig_rax), -1);
                        threads[slot].failing = 1;
                    }
                }
            } else if (threads[slot].failing) {
                threads[slot].failing = 0;
                poke(thread, offsetof(struct user, regs.rax), -error);
            } else if (threads[slot].cut != 0) {
                /* The kernel changes no register but that of the result: the program may go on with
                 * what it has in this one. */
                poke(thread, threads[slot].cut, threads[slot].amount);
                threads[slot].cut = 0;
            }
        } else if (signal == SIGSTOP && thread == child) {
            tracing = 0; /* the end; new threads begin with one, too */
        } else if (signal != SIGTRAP && signal != (SIGTRAP | 0x80) && signal != SIGSTOP) {
            given = signal;
        }
        ptrace(tracing ? PTRACE_SYSCALL : PTRACE_CONT, thread, NULL, given);
    }
    if (WIFEXITED(status))
        printf("%ld exit %d\n", hits, WEXITSTATUS(status));
    else
        printf("%ld signal %d\n", hits, WTERMSIG(status));
    return 0;
}
