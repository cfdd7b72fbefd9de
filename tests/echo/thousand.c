/*
 * A thousand connections to an echo server at once: `thousand SERVER`. Starts SERVER with the argument 0, reads its port, connects all,
 * and only then talks on each of them; every byte comes back exactly once and in order. Exit code 77: this machine does not
 * let one process have so many descriptors.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONNECTIONS 1000
#define BYTES 6007u
#define PIECE 1500u
#define SPARE 100
#define PATIENCE_MS 60000

struct connection {
    int fd;
    size_t sent;
    size_t received;
    bool over; /* all came back, and the server said its last */
};

static struct connection connections[CONNECTIONS];
static struct pollfd polled[CONNECTIONS];

static uint8_t byte_of(int connection, size_t at)
{
    return (uint8_t)((size_t)connection * 97 + at * 31 + (at >> 8));
}

static int fail(const char *what)
{
    fprintf(stderr, "thousand: %s: %s\n", what, strerror(errno));
    return 1;
}

static bool allow_descriptors(void)
{
    struct rlimit limit;
    const rlim_t needed = CONNECTIONS + SPARE;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    if (limit.rlim_cur >= needed)
        return true;
    if (limit.rlim_max < needed)
        return false;
    limit.rlim_cur = needed;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

/* The server's process; *port is where it listens. */
static pid_t start_server(const char *path, int *port)
{
    int out[2];
    if (pipe(out) != 0)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        execl(path, path, "0", (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    FILE *said = fdopen(out[0], "r");
    if (said == NULL || fscanf(said, "port %d", port) != 1)
        *port = -1;
    if (said != NULL)
        fclose(said);
    return child;
}

static int connect_all(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < CONNECTIONS; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            return fail("socket");
        if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
            return fail("connect");
        if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
            return fail("fcntl");
        connections[i].fd = fd;
    }
    return 0;
}

static bool talk(int i)
{
    struct connection *it = &connections[i];
    uint8_t bytes[PIECE];
    size_t size = BYTES - it->sent < PIECE ? BYTES - it->sent : PIECE;
    for (size_t at = 0; at < size; at++)
        bytes[at] = byte_of(i, it->sent + at);
    ssize_t moved = send(it->fd, bytes, size, MSG_NOSIGNAL);
    if (moved > 0)
        it->sent += (size_t)moved;
    if (it->sent == BYTES && shutdown(it->fd, SHUT_WR) != 0)
        return false;
    return moved >= 0 || errno == EAGAIN;
}

static bool listen_to(int i)
{
    struct connection *it = &connections[i];
    uint8_t bytes[PIECE];
    ssize_t moved = recv(it->fd, bytes, sizeof bytes, 0);
    if (moved < 0)
        return errno == EAGAIN;
    for (ssize_t at = 0; at < moved; at++)
        if (bytes[at] != byte_of(i, it->received + (size_t)at))
            return false;
    it->received += (size_t)moved;
    if (moved == 0)
        it->over = true;
    return it->received <= it->sent && (moved > 0 || it->received == BYTES);
}

/* All of them, as each is ready. */
static int converse(void)
{
    for (int left = CONNECTIONS; left > 0;) {
        for (int i = 0; i < CONNECTIONS; i++) {
            short events = connections[i].sent < BYTES ? POLLIN | POLLOUT : POLLIN;
            polled[i] = (struct pollfd){.fd = connections[i].over ? -1 : connections[i].fd, .events = events};
        }
        if (poll(polled, CONNECTIONS, PATIENCE_MS) <= 0)
            return fail("nothing comes any more");
        for (int i = 0; i < CONNECTIONS; i++) {
            bool right = true;
            if ((polled[i].revents & POLLOUT) != 0 && connections[i].sent < BYTES)
                right = talk(i);
            if (right && (polled[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
                right = listen_to(i);
            if (!right) {
                fprintf(stderr, "thousand: connection %d: wrong after %zu of %zu bytes\n", i,
                        connections[i].received, connections[i].sent);
                return 1;
            }
            left -= connections[i].over && polled[i].fd >= 0;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "Usage: thousand SERVER\n");
        return 2;
    }
    if (!allow_descriptors()) {
        printf("no %d descriptors for one process here\n", CONNECTIONS + SPARE);
        return 77;
    }
    int port = -1;
    pid_t server = start_server(argv[1], &port);
    int failed = server < 0 || port < 0 ? fail("the server does not start") : connect_all(port);
    if (failed == 0)
        failed = converse();
    if (failed == 0)
        printf("%d connections at once, each %u bytes there and back\n", CONNECTIONS, BYTES);
    if (server > 0) {
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
    return failed;
}
