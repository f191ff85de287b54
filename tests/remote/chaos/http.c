/* As much of HTTP as passes between the clients, the proxy and the servers of the tests. */
#include "chaos.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int connect_to(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

void stream_close(struct stream *stream)
{
    if (stream->fd >= 0)
        close(stream->fd);
    free(stream->bytes);
    *stream = (struct stream){.fd = -1};
}

bool send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* Reads more; false: there is no more. */
static bool more(struct stream *stream)
{
    ssize_t count;
    if (stream->room - stream->len < 16384) {
        stream->room = stream->room * 2 + 32768;
        stream->bytes = realloc(stream->bytes, stream->room);
        if (!stream->bytes)
            abort();
    }
    do
        count = recv(stream->fd, stream->bytes + stream->len, stream->room - stream->len - 1, 0);
    while (count < 0 && errno == EINTR);
    if (count <= 0)
        return false;
    stream->len += (size_t)count;
    stream->bytes[stream->len] = 0;
    return true;
}

/* The first bytes of what was read, with a NUL after them. */
static char *take(struct stream *stream, size_t len)
{
    char *taken = malloc(len + 1);
    if (!taken)
        abort();
    if (len > 0)
        memcpy(taken, stream->bytes, len);
    taken[len] = 0;
    stream->len -= len;
    if (stream->len > 0)
        memmove(stream->bytes, stream->bytes + len, stream->len);
    if (stream->bytes)
        stream->bytes[stream->len] = 0;
    return taken;
}

/* How many bytes end with these; 0: none have come. */
static size_t up_to(struct stream *stream, const char *end)
{
    for (;;) {
        char *found = stream->len ? strstr(stream->bytes, end) : NULL;
        if (found)
            return (size_t)(found - stream->bytes) + strlen(end);
        if (!more(stream))
            return 0;
    }
}

static bool take_body(struct stream *stream, struct message *message, size_t len)
{
    while (stream->len < len)
        if (!more(stream))
            return false;
    message->body = take(stream, len);
    message->body_len = len;
    return true;
}

static bool take_chunks(struct stream *stream, struct message *message)
{
    message->body = calloc(1, 1);
    for (;;) {
        size_t line = up_to(stream, "\r\n"), len;
        struct message chunk = {0};
        if (!line)
            return false;
        char *text = take(stream, line);
        len = strtoul(text, NULL, 16);
        free(text);
        if (!take_body(stream, &chunk, len + 2))
            return false;
        message->body = realloc(message->body, message->body_len + len + 1);
        if (!message->body)
            abort();
        memcpy(message->body + message->body_len, chunk.body, len);
        message->body_len += len;
        message->body[message->body_len] = 0;
        free(chunk.body);
        if (len == 0)
            return true;
    }
}

bool header(const struct message *message, const char *name, char *value, size_t room)
{
    size_t len = strlen(name);
    for (const char *line = strstr(message->head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, len) || line[len] != ':')
            continue;
        line += len + 1 + strspn(line + len + 1, " ");
        snprintf(value, room, "%.*s", (int)strcspn(line, "\r"), line);
        return true;
    }
    return false;
}

bool read_message(struct stream *stream, struct message *message, bool is_answer, bool bodiless)
{
    char value[64];
    size_t len = up_to(stream, "\r\n\r\n");
    *message = (struct message){0};
    if (!len)
        return false;
    message->head = take(stream, len);
    message->head_len = len;
    if (is_answer)
        message->status = atoi(message->head + strcspn(message->head, " "));
    message->closes = !strncmp(message->head, "HTTP/1.0", 8);
    if (header(message, "connection", value, sizeof value))
        message->closes = !strcasecmp(value, "close");
    message->has_size = header(message, "content-length", value, sizeof value);
    if (bodiless || message->status == 204 || message->status == 304)
        return take_body(stream, message, 0);
    if (message->has_size)
        return take_body(stream, message, strtoul(value, NULL, 10));
    if (header(message, "transfer-encoding", value, sizeof value))
        return take_chunks(stream, message);
    if (is_answer && message->closes)
        while (more(stream))
            ;
    return take_body(stream, message, is_answer ? stream->len : 0);
}

void message_free(struct message *message)
{
    free(message->head);
    free(message->body);
    *message = (struct message){0};
}

static int ask_once(int port, const char *method, const char *path, struct message *answer)
{
    struct stream stream = {.fd = connect_to(port)};
    char head[1024];
    /* moto wants some credentials, whatever they are. */
    int len = snprintf(head, sizeof head,
                       "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 0\r\n"
                       "Connection: close\r\nAuthorization: AWS4-HMAC-SHA256 Credential=someid/"
                       "20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n",
                       method, path, port);
    int status = -1;
    *answer = (struct message){0};
    if (stream.fd >= 0 && send_all(stream.fd, head, (size_t)len) &&
        read_message(&stream, answer, true, false))
        status = answer->status;
    stream_close(&stream);
    return status;
}

/* A busy server fails and cuts answers short, too. */
int ask(int port, const char *method, const char *path, struct message *answer)
{
    bool is_object = !strcmp(method, "GET") && !strchr(path, '?');
    for (int tries = 0;; tries++) {
        struct timespec pause = {0, 50000000L << (tries < 4 ? tries : 4)};
        int status = ask_once(port, method, path, answer);
        bool is_cut = status == 200 && is_object && !strchr(answer->body, '}');
        if (tries == 20 || (status > 0 && status < 500 && !is_cut))
            return status;
        message_free(answer);
        nanosleep(&pause, NULL);
    }
}
