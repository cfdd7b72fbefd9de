/*
 * Sends back to every client exactly what it sent. `echo_server PORT` (0: any free one, which it prints); without arguments it
 * serves its own clients on the loopback address and checks what they get.
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

#define BUFFER 4096u
#define IN_FLIGHT 4096u /* an operation for each connection, and one that accepts */

struct server {
    struct sr_ring *ring;
    int listening;
    uint32_t to_accept; /* connections to be accepted still */
};

/* One connection. Its buffer travels in the operation that is under way. */
struct connection {
    int fd;
    size_t received; /* to be sent back */
    size_t sent;     /* of that */
    bool sending;
};

static void release(struct sr_buffer **buffer) SR_TAKES(*buffer)
{
    if (sr_buffer_release(buffer) != 0)
        abort();
}

static int accept_next(struct server *server)
{
    struct sr_op op;
    int rc = sr_accept_safe(server->ring, sr_fd(server->listening), &op);
    if (rc != 0)
        return rc;
    rc = sr_op_detach(server->ring, &op, NULL); /* no connection: an accept */
    if (rc != 0)
        sr_op_drop(server->ring, &op);
    return rc;
}

static void hang_up(struct connection *connection, struct sr_buffer **buffer) SR_TAKES(*buffer)
{
    release(buffer);
    close(connection->fd);
    free(connection);
}

/* Sends what is left to be sent, or receives. What can't be started ends the connection. */
static void start(struct server *server, struct connection *connection, struct sr_buffer **buffer)
    SR_TAKES(*buffer)
{
    struct sr_fd fd = sr_fd(connection->fd);
    struct sr_range rest = sr_range(connection->sent, connection->received - connection->sent);
    struct sr_op_spec spec =
        connection->sending ? sr_spec_send(fd, rest, MSG_NOSIGNAL) : sr_spec_recv(fd, sr_range(0, BUFFER), 0);
    struct sr_op op;
    if (sr_op_start(server->ring, &spec, buffer, &op) != 0) {
        hang_up(connection, buffer);
        return;
    }
    if (sr_op_detach(server->ring, &op, connection) != 0)
        sr_op_drop(server->ring, &op);
}

static int on_accepted(struct server *server, int32_t fd)
{
    if (--server->to_accept > 0) {
        int rc = accept_next(server);
        if (rc != 0)
            return rc;
    }
    if (fd < 0)
        return 0; /* a client that went away before it was served */
    struct connection *connection = calloc(1, sizeof *connection);
    struct sr_buffer *buffer;
    if (connection == NULL || sr_buffer_new(&buffer, BUFFER) != 0) {
        free(connection);
        close(fd);
        return 0;
    }
    connection->fd = fd;
    start(server, connection, &buffer);
    return 0;
}

/* A receive or send has moved so many bytes. 0 bytes: the client is done. */
static void on_moved(struct server *server, struct connection *connection, int32_t moved,
                     struct sr_buffer **buffer) SR_TAKES(*buffer)
{
    if (moved <= 0) {
        hang_up(connection, buffer);
        return;
    }
    if (connection->sending) {
        connection->sent += (size_t)moved;
    } else {
        connection->received = (size_t)moved;
        connection->sent = 0;
    }
    connection->sending = connection->sent < connection->received;
    start(server, connection, buffer);
}

/* Until all connections to be accepted were, and have ended. */
static int serve(struct server *server)
{
    int rc = accept_next(server);
    while (rc == 0 && sr_ring_in_flight(server->ring) > 0) {
        struct sr_completion done;
        rc = sr_ring_next(server->ring, &done);
        if (rc != 0)
            return rc;
        struct connection *connection = done.user;
        if (connection == NULL) {
            rc = on_accepted(server, sr_take_plain(&done));
            continue;
        }
        struct sr_buffer *buffer;
        int32_t moved = sr_take(&done, &buffer);
        on_moved(server, connection, moved, &buffer);
    }
    return rc;
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

static int run_server(int listening, uint32_t connections)
{
    struct server server = {.listening = listening, .to_accept = connections};
    struct sr_config config = sr_config_default();
    config.max_in_flight = IN_FLIGHT;
    int rc = sr_ring_open_config(&server.ring, &config);
    if (rc != 0)
        return rc;
    rc = serve(&server);
    int closed = sr_ring_drain(server.ring, SR_FOREVER, NULL);
    if (closed == 0)
        closed = sr_ring_close(&server.ring);
    return rc != 0 ? rc : closed;
}

/* ---- The example tests itself ---- */

#define CLIENTS 8
#define BYTES 100003u

struct client {
    pthread_t thread;
    struct sockaddr_in server;
    bool right;
};

static bool echoed(int fd, const uint8_t *sent, size_t size)
{
    uint8_t got[1000];
    for (size_t done = 0; done < size;) {
        size_t length = size - done < sizeof got ? size - done : sizeof got;
        if (send(fd, sent + done, length, MSG_NOSIGNAL) != (ssize_t)length ||
            recv(fd, got, length, MSG_WAITALL) != (ssize_t)length || memcmp(got, sent + done, length) != 0)
            return false;
        done += length;
    }
    /* Nothing more than what was sent comes back. */
    return shutdown(fd, SHUT_WR) == 0 && recv(fd, got, 1, 0) == 0;
}

static void *be_a_client(void *argument)
{
    struct client *client = argument;
    uint8_t *bytes = malloc(BYTES);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bytes != NULL && fd >= 0 &&
        connect(fd, (struct sockaddr *)&client->server, sizeof client->server) == 0) {
        for (size_t i = 0; i < BYTES; i++)
            bytes[i] = (uint8_t)(i * 31 + (size_t)fd);
        client->right = echoed(fd, bytes, BYTES);
    }
    if (fd >= 0)
        close(fd);
    free(bytes);
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
        fprintf(stderr, "Usage: echo_server PORT\n");
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
