/*
 * One accept that gives every connection, and for each connection one receive that brings every message, in buffers that the
 * kernel chooses from a few: no buffer waits with an idle connection.
 *
 * `multishot_server` talks to itself over the loopback, checks its own outcome and exits with 0; 77 where this kernel has no
 * such operations.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SR_NO_OWNERSHIP_ANALYSIS /* completions come in a loop (docs/ownership.md) */
#include <safer_ring.h>

#define CLIENTS 16
#define BUFFERS 8
#define CHECK(condition)                                            \
    do {                                                            \
        if (!(condition)) {                                         \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
            abort();                                                \
        }                                                           \
    } while (0)

struct connection {
    int fd;
    struct sr_multishot receives;
};

struct server {
    struct sr_ring *ring;
    struct sr_provider *provider;
    struct sr_multishot accepts;
    struct connection connections[CLIENTS];
    unsigned accepted;
    unsigned ended;
    size_t received;
};

static void receive(struct server *server, struct connection *connection)
{
    CHECK(sr_recv_multishot(server->ring, sr_fd(connection->fd), server->provider, connection,
                            &connection->receives) == 0);
}

static void on_accept(struct server *server, struct sr_completion *done)
{
    struct connection *connection = &server->connections[server->accepted++];
    connection->fd = sr_take_plain(done);
    CHECK(connection->fd >= 0);
    receive(server, connection);
}

/* The end of a receive may be the end of the connection, or only that all buffers were out. */
static void on_receive(struct server *server, struct sr_completion *done)
{
    struct connection *connection = done->user;
    bool more = done->more;
    struct sr_buffer *buffer;
    int32_t size = sr_take(done, &buffer);
    if (size > 0)
        server->received += (size_t)size;
    if (buffer != NULL)
        CHECK(sr_buffer_release(&buffer) == 0); /* the kernel may choose it again */
    if (more)
        return;
    if (size > 0 || size == -ENOBUFS) {
        receive(server, connection);
        return;
    }
    close(connection->fd);
    server->ended++;
}

static int listen_somewhere(struct sockaddr_in *address)
{
    socklen_t length = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)address, sizeof *address) == 0 && listen(fd, CLIENTS) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)address, &length) == 0);
    return fd;
}

/* Each says a few words and goes. */
static size_t run_clients(const struct sockaddr_in *address)
{
    size_t sent = 0;
    for (int i = 0; i < CLIENTS; i++) {
        char words[64];
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int length = snprintf(words, sizeof words, "client %d says hello", i);
        CHECK(fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0);
        CHECK(write(fd, words, (size_t)length) == length);
        sent += (size_t)length;
        close(fd);
    }
    return sent;
}

int main(void)
{
    struct server server = {0};
    struct sockaddr_in address;
    int listening = listen_somewhere(&address);
    CHECK(sr_ring_open(&server.ring, 64) == 0);
    if (sr_provider_new(server.ring, BUFFERS, 16, &server.provider) != 0) {
        puts("this kernel selects no buffers (before Linux 5.19)");
        return sr_ring_close(&server.ring) != 0 ? 1 : 77;
    }
    CHECK(sr_accept_multishot(server.ring, sr_fd(listening), &server, &server.accepts) == 0);
    CHECK(sr_ring_submit(server.ring) == 0);
    size_t sent = run_clients(&address);
    while (server.ended < CLIENTS) {
        struct sr_completion done;
        CHECK(sr_ring_next(server.ring, &done) == 0);
        if (done.user == &server)
            on_accept(&server, &done);
        else
            on_receive(&server, &done);
    }
    printf("%u connections, %zu bytes of %zu, %d buffers\n", server.accepted, server.received, sent, BUFFERS);
    CHECK(server.received == sent);
    CHECK(sr_multishot_drop(server.ring, &server.accepts) == 0);
    CHECK(sr_ring_drain(server.ring, SR_FOREVER, NULL) == 0);
    CHECK(sr_provider_free(&server.provider) == 0);
    CHECK(sr_ring_close(&server.ring) == 0);
    close(listening);
    return 0;
}
