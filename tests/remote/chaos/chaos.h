/*
 * Chaos: writers at once in a bucket, of which any request meets any fault and any writer is killed
 * at any request, and what must hold after it. See chaos.c.
 */
#ifndef CHAOS_H
#define CHAOS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WRITERS 3
#define MOST_WRITES 256
#define NONCE 32

/* A request or an answer: its head with the empty line, and its body. */
struct message {
    char *head;
    char *body;
    size_t head_len, body_len;
    int status;    /* of an answer */
    bool closes;   /* nothing comes after it */
    bool has_size; /* it says how long its body is */
};

/* A connection, and what was read of it and not yet used. */
struct stream {
    int fd;
    char *bytes;
    size_t len, room;
};

/* http.c */
int connect_to(int port);
void stream_close(struct stream *stream);
bool send_all(int fd, const char *bytes, size_t len);
/* Reads a message; `bodiless`: its head says how long a body would be that does not come. */
bool read_message(struct stream *stream, struct message *message, bool is_answer, bool bodiless);
void message_free(struct message *message);
/* Copies the value of a header; false: it has none. */
bool header(const struct message *message, const char *name, char *value, size_t room);
/* A request of ours, straight to the server. Gives the status, and -1 if there is no answer. */
int ask(int port, const char *method, const char *path, struct message *answer);

/* A write of HEAD that has reached the server. */
struct write {
    int round, writer;
    char nonce[NONCE + 1];
    char condition[80]; /* "*": none may be there; a tag; "": none */
    char tag[80];       /* of what was written */
    int status;
};

/* What a writer does when it is killed. */
enum moment { NEVER, BEFORE, AFTER, LATER };

/* One of those that go on at once: a prefix, its writers, and what the proxy has seen of them. */
struct slot {
    pthread_mutex_t lock;
    pthread_cond_t settled;
    int number;
    uint64_t random;
    int round;
    bool faulty;
    unsigned late; /* requests that have yet to arrive */
    struct {
        pid_t pid;
        enum moment moment;
        unsigned kill_at, requests;
    } writers[WRITERS];
    struct write writes[MOST_WRITES];
    size_t count;
};

extern struct slot *slots;
extern size_t slots_count;

/* What a killed writer was about to ask. */
enum { KILLED_PROBE, KILLED_STAT, KILLED_UPLOAD, KILLED_SIZE, KILLED_HEAD, KILLED_OTHER, KINDS };
extern _Atomic unsigned long killed_at[KINDS], faults_met, requests_seen;

/* proxy.c: gives the port. Who asks is in the name of the key: s<slot>w<writer>, s<slot>c for the
 * checks and s<slot>l for one who asks a day later. */
int proxy_start(int target);
void proxy_settle(struct slot *slot);
uint64_t pick(uint64_t *state, uint64_t below);

/* check.c: what must hold; false: it does not, and why is printed. */
struct told {
    bool overwrite, killed;
    int32_t hr;
    char words[200];
};
struct life {
    struct slot *slot;
    const char *device;
    int port; /* of the server */
    bool honest;
    bool had_head; /* before this round */
    struct told told[WRITERS];
    char head[NONCE + 1];       /* the nonce of HEAD after it; "": there is none */
    char generation[64];        /* that HEAD names */
    char chain[MOST_WRITES][NONCE + 1];
    size_t chained;
};
bool check_round(struct life *life);
bool check_keys(struct life *life, bool all);
bool remove_keys(struct life *life);
/* The writer that made what HEAD names. */
int owner(const struct life *life);
bool wrong(const struct life *life, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
