/* A timetable that costs little beside the store that it measures: requests sent when they are due, by one thread.
 *
 * It is woken up once a request. The kernel notes when an answer has come (socket(7), SO_TIMESTAMPNS), so the answer may lie
 * there until a request is due on its connection. Nothing is read of it here but where it ends.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 2
#define ENOUGH 1024 /* bytes, for an answer's next piece */

/* What timetable.py calls by the same names. Moments are seconds of CLOCK_MONOTONIC, as time.perf_counter() has them. */
struct text { const char *bytes; long length; };
struct asked { double due, sent, done; long begins, length; }; /* of the answer, in `heard`; length 0: none came */
struct connection { int socket; struct asked *waits; };

static struct sockaddr_in server;
static double ahead; /* of CLOCK_MONOTONIC: CLOCK_REALTIME, by which the kernel notes */
static char *heard;
static long filled, room;

static double read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec + now.tv_nsec * 1e-9;
}

/* Of a few looks the one that took least: whoever is put aside between two readings sees too much. */
static double read_difference(void)
{
    double best = 1, difference = 0;
    for (int look = 0; look < 8; look++) {
        const double before = read_clock(CLOCK_MONOTONIC), there = read_clock(CLOCK_REALTIME);
        const double took = read_clock(CLOCK_MONOTONIC) - before;
        if (took < best) {
            best = took;
            difference = there - before - took / 2;
        }
    }
    return difference;
}

static bool is_whole(const char *answer, long length)
{
    const char *end = memmem(answer, length, "\r\n\r\n", 4);
    if (!end)
        return false;
    const char *field = strcasestr(answer, "\r\ncontent-length:");
    return field && field < end && length >= end + 4 - answer + atol(field + 17);
}

static void open_connection(struct connection *connection, double timeout)
{
    const int on = 1;
    const struct timeval patience = {(time_t)timeout, (long)(timeout * 1e6) % 1000000};
    connection->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(connection->socket, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    setsockopt(connection->socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(connection->socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience); /* for connecting, too */
    connect(connection->socket, (struct sockaddr *)&server, sizeof server); /* if nobody is there, sending tells */
}

static void give_up(struct connection *connection)
{
    connection->waits->length = 0;
    connection->waits->done = read_clock(CLOCK_MONOTONIC);
    connection->waits = NULL;
    close(connection->socket);
    connection->socket = -1;
}

/* The next piece: how many bytes. The moment at which it came is noted. 0 if there is none, for whatever reason. */
static long receive(struct connection *connection)
{
    char note[CMSG_SPACE(sizeof(struct timespec))];
    struct timespec came;
    if (room - filled < ENOUGH + 1) {
        const long larger = 2 * room + 64 * ENOUGH;
        char *more = realloc(heard, larger);
        if (!more)
            return 0;
        heard = more;
        room = larger;
    }
    struct iovec piece = {heard + filled, room - filled - 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = note, .msg_controllen = sizeof note};
    long length;
    do
        length = recvmsg(connection->socket, &message, 0);
    while (length < 0 && errno == EINTR);
    if (length <= 0)
        return 0;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_type == SCM_TIMESTAMPNS) {
        memcpy(&came, CMSG_DATA(header), sizeof came);
        connection->waits->done = came.tv_sec + came.tv_nsec * 1e-9 - ahead;
    } else {
        connection->waits->done = read_clock(CLOCK_MONOTONIC);
    }
    return length;
}

static void take(struct connection *connection)
{
    struct asked *asked = connection->waits;
    asked->begins = filled;
    for (long length; asked->length == 0 || !is_whole(heard + asked->begins, asked->length); asked->length += length) {
        length = receive(connection);
        if (length == 0) {
            give_up(connection);
            return;
        }
        filled += length;
        heard[filled] = 0;
    }
    connection->waits = NULL;
}

static void ask(struct connection *connection, const struct text *request, struct asked *asked, double timeout)
{
    if (connection->waits)
        take(connection);
    if (connection->socket < 0)
        open_connection(connection, timeout);
    asked->sent = read_clock(CLOCK_MONOTONIC);
    connection->waits = asked;
    if (send(connection->socket, request->bytes, request->length, MSG_NOSIGNAL) != request->length)
        give_up(connection);
}

static void wait_until(double moment)
{
    const struct timespec until = {(time_t)moment, (long)((moment - (time_t)moment) * 1e9)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

/* Sends each request when it is due, and returns the processor seconds of that. `*answers` is to be freed by `forget`. */
double keep(const char *address, int port, const struct text *requests, struct asked *asked, long count, double timeout,
            const char **answers)
{
    struct connection connections[CONNECTIONS];
    const double before = read_clock(CLOCK_THREAD_CPUTIME_ID);
    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(address)};
    ahead = read_difference();
    heard = NULL;
    filled = room = 0;
    for (int each = 0; each < CONNECTIONS; each++)
        connections[each] = (struct connection){-1, NULL};
    for (long number = 0; number < count; number++) {
        wait_until(asked[number].due);
        ask(&connections[number % CONNECTIONS], &requests[number], &asked[number], timeout);
    }
    for (int each = 0; each < CONNECTIONS; each++) {
        if (connections[each].waits)
            take(&connections[each]);
        if (connections[each].socket >= 0)
            close(connections[each].socket);
    }
    *answers = heard;
    return read_clock(CLOCK_THREAD_CPUTIME_ID) - before;
}

void forget(void)
{
    free(heard);
    heard = NULL;
}
