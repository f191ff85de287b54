/* What lies between the writers and the server: it loses, cuts, delays and repeats what passes,
 * kills who asked, and notes what reaches HEAD. */
#include "chaos.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum fault { NONE, LOSE, FORGET, CUT, TWICE, LATE, FAIL, SLOW, BUSY, FAULTS };

/* Of 100 requests, how many meet a fault. A server that is asked what it is good for is asked again
 * after any, in twenty requests. */
#define FAULTY 15
#define FAULTY_PROBE 2

struct request {
    struct message message;
    struct slot *slot;
    int writer;         /* -1: none of them */
    bool is_later;      /* whoever asks a day later */
    char method[8], path[512];
};

_Atomic unsigned long killed_at[KINDS], faults_met, requests_seen;
static int target_port;

uint64_t pick(uint64_t *state, uint64_t below)
{
    uint64_t mixed = (*state += 0x9e3779b97f4a7c15U);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    return (mixed ^ (mixed >> 31)) % below;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && !strcmp(text + len - end_len, end);
}

/* Whose request it is. */
static void understand(struct request *request)
{
    const char *id = strstr(request->message.head, "X-Amz-Credential=s");
    char role = 0;
    unsigned slot = 0;
    int writer = -1;
    request->writer = -1;
    sscanf(request->message.head, "%7s %511[^? ]", request->method, request->path);
    if (!id || sscanf(id, "X-Amz-Credential=s%u%c%1d", &slot, &role, &writer) < 2 ||
        slot >= slots_count)
        return;
    request->slot = &slots[slot];
    request->is_later = role == 'l';
    if (role == 'w' && writer >= 0 && writer < WRITERS)
        request->writer = writer;
}

static bool writes_head(const struct request *request)
{
    return !strcmp(request->method, "PUT") && ends_with(request->path, "/HEAD");
}

static void note_write(const struct request *request, const struct message *answer)
{
    struct slot *slot = request->slot;
    const char *nonce = strstr(request->message.body, "\"nonce\":\"");
    struct write *write;
    if (!slot || !writes_head(request) || !nonce)
        return;
    pthread_mutex_lock(&slot->lock);
    if (slot->count == MOST_WRITES)
        abort();
    write = &slot->writes[slot->count++];
    *write = (struct write){.round = slot->round, .writer = request->writer,
                            .status = answer->head ? answer->status : -1};
    snprintf(write->nonce, sizeof write->nonce, "%.32s", nonce + 9);
    if (!header(&request->message, "if-match", write->condition, sizeof write->condition))
        header(&request->message, "if-none-match", write->condition, sizeof write->condition);
    if (answer->head)
        header(answer, "etag", write->tag, sizeof write->tag);
    pthread_mutex_unlock(&slot->lock);
}

/* To the server, with the connection that is there. */
static bool forward(struct stream *upstream, const struct request *request, struct message *answer)
{
    const struct message *message = &request->message;
    bool done = false;
    *answer = (struct message){0};
    for (int tries = 0; tries < 2 && !done; tries++) {
        bool is_new = upstream->fd < 0;
        if (is_new)
            upstream->fd = connect_to(target_port);
        done = upstream->fd >= 0 && send_all(upstream->fd, message->head, message->head_len) &&
               send_all(upstream->fd, message->body, message->body_len) &&
               read_message(upstream, answer, true, !strcmp(request->method, "HEAD"));
        if (!done || answer->closes) {
            if (!done)
                message_free(answer);
            stream_close(upstream);
        }
        /* A server closes what was idle for long, and has done nothing then. */
        if (is_new)
            break;
    }
    note_write(request, answer);
    return done;
}

static bool tell_status(int fd, int status)
{
    char text[160];
    int len = snprintf(text, sizeof text,
                       "HTTP/1.1 %d Chaos\r\nContent-Length: 35\r\n\r\n"
                       "<Error><Code>Chaos</Code></Error>\r\n",
                       status);
    return send_all(fd, text, (size_t)len);
}

/* The date of a day later. */
static int later(char *text, size_t room)
{
    char date[64];
    time_t now = time(NULL) + 24 * 60 * 60 + 60;
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return snprintf(text, room, "Date: %s\r\n", date);
}

/* Tells an answer; `cut`: half of it. */
static bool tell(int fd, const struct request *request, const struct message *answer, bool cut)
{
    static const char *const left_out[] = {"connection:", "transfer-encoding:", "keep-alive:"};
    char *text = malloc(answer->head_len + answer->body_len + strlen(answer->head) + 256);
    size_t len = 0;
    bool sent;
    if (!text)
        abort();
    len += (size_t)sprintf(text, "HTTP/1.1 %d Chaos\r\n", answer->status);
    for (const char *line = strstr(answer->head, "\r\n") + 2; *line != '\r';) {
        size_t line_len = strcspn(line, "\n") + 1;
        bool skip = request->is_later && !strncasecmp(line, "date:", 5);
        for (size_t at = 0; at < sizeof left_out / sizeof *left_out; at++)
            skip = skip || !strncasecmp(line, left_out[at], strlen(left_out[at]));
        if (!skip) {
            memcpy(text + len, line, line_len);
            len += line_len;
        }
        line += line_len;
    }
    if (request->is_later)
        len += (size_t)later(text + len, 64);
    if (!answer->has_size && answer->status != 204)
        len += (size_t)sprintf(text + len, "Content-Length: %zu\r\n", answer->body_len);
    if (cut)
        len -= 7;
    else {
        len += (size_t)sprintf(text + len, "\r\n");
        memcpy(text + len, answer->body, answer->body_len);
        len += answer->body_len;
    }
    sent = send_all(fd, text, len);
    free(text);
    return sent;
}

static void *arrive_late(void *given)
{
    struct request *request = given;
    struct slot *slot = request->slot;
    struct stream upstream = {.fd = -1};
    struct message answer;
    struct timespec pause = {0, 0};
    pthread_mutex_lock(&slot->lock);
    pause.tv_nsec = (long)pick(&slot->random, 150000000);
    pthread_mutex_unlock(&slot->lock);
    nanosleep(&pause, NULL);
    forward(&upstream, request, &answer);
    message_free(&answer);
    stream_close(&upstream);
    pthread_mutex_lock(&slot->lock);
    slot->late--;
    pthread_cond_broadcast(&slot->settled);
    pthread_mutex_unlock(&slot->lock);
    message_free(&request->message);
    free(request);
    return NULL;
}

/* Takes the request over. The slot is locked. */
static void send_late(struct request *request)
{
    struct request *copy = malloc(sizeof *copy);
    pthread_t thread;
    if (!copy)
        abort();
    *copy = *request;
    request->message = (struct message){0};
    request->slot->late++;
    if (pthread_create(&thread, NULL, arrive_late, copy))
        abort();
    pthread_detach(thread);
}

void proxy_settle(struct slot *slot)
{
    pthread_mutex_lock(&slot->lock);
    while (slot->late)
        pthread_cond_wait(&slot->settled, &slot->lock);
    pthread_mutex_unlock(&slot->lock);
}

static int kind_of(const struct request *request)
{
    bool is_put = !strcmp(request->method, "PUT") || !strcmp(request->method, "POST");
    if (strstr(request->path, "/.probe/"))
        return KILLED_PROBE;
    if (ends_with(request->path, "/HEAD"))
        return is_put ? KILLED_HEAD : KILLED_STAT;
    if (strstr(request->path, "/g/"))
        return is_put ? KILLED_UPLOAD : !strcmp(request->method, "HEAD") ? KILLED_SIZE : KILLED_OTHER;
    return KILLED_OTHER;
}

/* What happens to a request of a writer; it is killed here, and the request may be taken. */
static enum fault choose(struct request *request)
{
    struct slot *slot = request->slot;
    enum fault fault = NONE;
    enum moment moment = NEVER;
    bool is_probe = kind_of(request) == KILLED_PROBE;
    pthread_mutex_lock(&slot->lock);
    if (slot->writers[request->writer].requests++ == slot->writers[request->writer].kill_at)
        moment = slot->writers[request->writer].moment;
    if (slot->faulty && pick(&slot->random, 100) < (is_probe ? FAULTY_PROBE : FAULTY))
        fault = (enum fault)(1 + pick(&slot->random, FAULTS - 1));
    if (fault == BUSY && !writes_head(request))
        fault = NONE; /* 409 is said of HEAD alone */
    if (moment != NEVER) {
        killed_at[kind_of(request)]++;
        fault = moment == AFTER ? FORGET : LOSE;
        if (moment != AFTER)
            kill(slot->writers[request->writer].pid, SIGKILL);
    }
    if (moment == LATER || fault == LATE) {
        send_late(request);
        fault = LOSE;
    }
    pthread_mutex_unlock(&slot->lock);
    faults_met += fault != NONE;
    return fault;
}

static void kill_after(const struct request *request)
{
    struct slot *slot = request->slot;
    pthread_mutex_lock(&slot->lock);
    if (slot->writers[request->writer].moment == AFTER &&
        slot->writers[request->writer].requests > slot->writers[request->writer].kill_at &&
        slot->writers[request->writer].pid > 0)
        kill(slot->writers[request->writer].pid, SIGKILL);
    pthread_mutex_unlock(&slot->lock);
}

/* Whether the connection goes on. */
static bool handle(int fd, struct stream *upstream, struct request *request)
{
    enum fault fault = NONE;
    struct message answer;
    bool goes_on;
    requests_seen++;
    understand(request);
    if (request->writer >= 0)
        fault = choose(request);
    if (fault == LOSE)
        return false;
    if (fault == FAIL || fault == SLOW || fault == BUSY)
        return tell_status(fd, fault == FAIL ? 500 : fault == SLOW ? 503 : 409);
    goes_on = forward(upstream, request, &answer);
    if (fault == TWICE && goes_on) {
        message_free(&answer);
        goes_on = forward(upstream, request, &answer);
    }
    if (fault == FORGET) {
        kill_after(request);
        goes_on = false;
    }
    if (goes_on)
        goes_on = tell(fd, request, &answer, fault == CUT) && fault != CUT;
    message_free(&answer);
    return goes_on;
}

static void *serve(void *given)
{
    struct stream client = {.fd = (int)(intptr_t)given}, upstream = {.fd = -1};
    bool goes_on = true;
    while (goes_on) {
        struct request request = {0};
        goes_on = read_message(&client, &request.message, false, false) &&
                  handle(client.fd, &upstream, &request);
        message_free(&request.message);
    }
    stream_close(&client);
    stream_close(&upstream);
    return NULL;
}

static void *accept_all(void *given)
{
    int listening = (int)(intptr_t)given, one = 1;
    for (;;) {
        int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
        pthread_t thread;
        if (fd < 0)
            continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd))
            abort();
        pthread_detach(thread);
    }
    return NULL;
}

int proxy_start(int target)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_t thread;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    target_port = target;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 512) ||
        getsockname(fd, (struct sockaddr *)&address, &len) ||
        pthread_create(&thread, NULL, accept_all, (void *)(intptr_t)fd))
        return -1;
    return ntohs(address.sin_port);
}
