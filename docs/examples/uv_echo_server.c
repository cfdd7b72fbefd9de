/*
 * An echo server inside a libuv loop: the loop's timers and the ring's operations side by side, in one thread.
 * `uv_echo_server PORT` (0: any free one, which it prints); without arguments it serves its own clients and checks what they get.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <safer_ring.h>
#include <safer_ring/uv.h>
#include <uv.h>

#define BUFFER 4096u
#define IN_FLIGHT 4096u /* an operation for each connection, and one that accepts */

struct server {
    struct sr_ring *ring;
    struct sr_uv *uv;
    uv_timer_t heart;
    int listening;
    uint32_t to_accept; /* connections still to be accepted */
    uint32_t open;
    uint32_t beats; /* of the loop's own timer meanwhile */
};

/* One connection. Its buffer travels in the operation that is under way. */
struct connection {
    struct server *server;
    int fd;
    size_t received;
    size_t sent; /* of what was received */
    bool sending;
};

static void go_home_if_done(struct server *server)
{
    if (server->to_accept > 0 || server->open > 0)
        return;
    uv_close((uv_handle_t *)&server->heart, NULL);
    if (sr_uv_detach(&server->uv) != 0)
        abort();
}

static void hang_up(struct connection *connection, struct sr_buffer **buffer) SR_TAKES(*buffer)
{
    struct server *server = connection->server;
    if (sr_buffer_release(buffer) != 0)
        abort();
    close(connection->fd);
    free(connection);
    server->open--;
    go_home_if_done(server);
}

static void on_moved(struct sr_ring *ring, struct sr_completion *done, void *user);

/* Sends what is left to be sent, or receives. What can't be started ends the connection. */
static void start(struct connection *connection, struct sr_buffer **buffer) SR_TAKES(*buffer)
{
    struct sr_ring *ring = connection->server->ring;
    struct sr_fd fd = sr_fd(connection->fd);
    struct sr_range rest = sr_range(connection->sent, connection->received - connection->sent);
    struct sr_op_spec spec =
        connection->sending ? sr_spec_send(fd, rest, MSG_NOSIGNAL) : sr_spec_recv(fd, sr_range(0, BUFFER), 0);
    struct sr_op op;
    if (sr_op_start(ring, &spec, buffer, &op) != 0) {
        hang_up(connection, buffer);
        return;
    }
    if (sr_op_then(ring, &op, on_moved, connection) != 0)
        abort(); /* a handle just given is never refused */
}

static void on_moved(struct sr_ring *ring, struct sr_completion *done, void *user) SR_UNCHECKED
{
    struct connection *connection = user;
    struct sr_buffer *buffer;
    int32_t moved = sr_take(done, &buffer);
    (void)ring;
    if (moved <= 0) {
        hang_up(connection, &buffer);
        return;
    }
    if (connection->sending) {
        connection->sent += (size_t)moved;
    } else {
        connection->received = (size_t)moved;
        connection->sent = 0;
    }
    connection->sending = connection->sent < connection->received;
    start(connection, &buffer);
}

static void on_accepted(struct sr_ring *ring, struct sr_completion *done, void *user);

static int accept_next(struct server *server)
{
    struct sr_op op;
    int rc = sr_accept_safe(server->ring, sr_fd(server->listening), &op);
    if (rc != 0)
        return rc;
    rc = sr_op_then(server->ring, &op, on_accepted, server);
    if (rc != 0)
        sr_op_drop(server->ring, &op);
    return rc;
}

static void welcome(struct server *server, int fd)
{
    struct connection *connection = calloc(1, sizeof *connection);
    struct sr_buffer *buffer;
    if (connection == NULL || sr_buffer_new(&buffer, BUFFER) != 0) {
        free(connection);
        close(fd);
        return;
    }
    connection->server = server;
    connection->fd = fd;
    server->open++;
    start(connection, &buffer);
}

static void on_accepted(struct sr_ring *ring, struct sr_completion *done, void *user) SR_UNCHECKED
{
    struct server *server = user;
    int32_t fd = sr_take_plain(done);
    (void)ring;
    server->to_accept--;
    if (server->to_accept > 0 && accept_next(server) != 0) {
        fprintf(stderr, "no more connections can be accepted\n");
        server->to_accept = 0;
    }
    if (fd >= 0)
        welcome(server, fd);
    go_home_if_done(server);
}

static void on_beat(uv_timer_t *heart)
{
    ((struct server *)heart->data)->beats++;
}

static int run_server(int listening, uint32_t connections)
{
    struct server server = {.listening = listening, .to_accept = connections};
    struct sr_config config = sr_config_default();
    uv_loop_t loop;
    config.max_in_flight = IN_FLIGHT;
    int rc = sr_ring_open_config(&server.ring, &config);
    if (rc != 0)
        return rc;
    if (uv_loop_init(&loop) != 0 || uv_timer_init(&loop, &server.heart) != 0)
        abort();
    server.heart.data = &server;
    uv_timer_start(&server.heart, on_beat, 1, 1);
    rc = sr_uv_attach(&loop, server.ring, &server.uv);
    if (rc == 0)
        rc = accept_next(&server);
    if (rc == 0)
        uv_run(&loop, UV_RUN_DEFAULT); /* until everybody has gone */
    printf("%u beats of the loop's timer meanwhile\n", server.beats);
    int closed = uv_loop_close(&loop);
    if (closed == 0)
        closed = sr_ring_close(&server.ring);
    return rc != 0 ? rc : closed;
}

static int listen_on(uint32_t address, uint16_t port, struct sockaddr_in *bound)
{
    struct sockaddr_in wanted = {.sin_family = AF_INET,
                                 .sin_port = htons(port),
                                 .sin_addr = {htonl(address)}};
    socklen_t length = sizeof *bound;
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, (struct sockaddr *)&wanted, sizeof wanted) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, (struct sockaddr *)bound, &length) != 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

/* ---- The example tests itself ---- */

#define CLIENTS 8
#define BYTES 50000u

struct client {
    pthread_t thread;
    struct sockaddr_in server;
    bool right;
};

static void *be_a_client(void *argument)
{
    struct client *client = argument;
    uint8_t sent[1000];
    uint8_t got[1000];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return NULL;
    bool right = connect(fd, (struct sockaddr *)&client->server, sizeof client->server) == 0;
    for (size_t at = 0; right && at < BYTES; at += sizeof sent) {
        for (size_t i = 0; i < sizeof sent; i++)
            sent[i] = (uint8_t)((at + i) * 31 + (size_t)fd);
        right = send(fd, sent, sizeof sent, MSG_NOSIGNAL) == (ssize_t)sizeof sent &&
                recv(fd, got, sizeof got, MSG_WAITALL) == (ssize_t)sizeof got &&
                memcmp(got, sent, sizeof got) == 0;
    }
    /* Nothing more than what was sent comes back. */
    client->right = right && shutdown(fd, SHUT_WR) == 0 && recv(fd, got, 1, 0) == 0;
    close(fd);
    return NULL;
}

static int test_itself(void)
{
    struct client clients[CLIENTS] = {0};
    struct sockaddr_in address;
    int right = 0;
    int listening = listen_on(INADDR_LOOPBACK, 0, &address);
    if (listening < 0)
        return 77;
    for (int i = 0; i < CLIENTS; i++) {
        clients[i].server = address;
        if (pthread_create(&clients[i].thread, NULL, be_a_client, &clients[i]) != 0)
            return 1;
    }
    int rc = run_server(listening, CLIENTS);
    close(listening);
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
        right += clients[i].right;
    }
    printf("%d of %d clients got back what they sent\n", right, CLIENTS);
    return rc != 0 || right != CLIENTS;
}

int main(int argc, char **argv)
{
    if (argc == 1)
        return test_itself();
    int port = argc == 2 ? atoi(argv[1]) : -1;
    if (port < 0 || port > 65535) {
        fprintf(stderr, "Usage: uv_echo_server PORT\n");
        return 2;
    }
    struct sockaddr_in address;
    int rc = listen_on(port == 0 ? INADDR_LOOPBACK : INADDR_ANY, (uint16_t)port, &address);
    if (rc >= 0) {
        printf("port %d\n", ntohs(address.sin_port));
        fflush(stdout);
        rc = run_server(rc, UINT32_MAX);
    }
    fprintf(stderr, "port %d: %s\n", port, sr_strerror(rc));
    return 1;
}
