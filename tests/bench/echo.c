/*
 * An echo server with 1 and 64 connections, each of which sends back exactly what it received. One operation is one
 * message there and back; the clients' work is in the time of both arms.
 */
#include "echo.h"

#include <errno.h>
#include <unistd.h>

#include "safer_ring.h"

struct connection {
    int fd;
    uint32_t received;
    uint32_t sent;
    bool sending;
    char *bytes;              /* the raw arm's */
    struct sr_buffer *buffer; /* the library's */
};

/* Books a count: back to receiving once all that was received is sent. */
static void advance(struct connection *connection, int32_t count, uint64_t *bytes_sent)
{
    if (!connection->sending) {
        connection->received = (uint32_t)count;
        connection->sent = 0;
        connection->sending = true;
        return;
    }
    connection->sent += (uint32_t)count;
    *bytes_sent += (uint64_t)count;
    connection->sending = connection->sent < connection->received;
}

struct server {
    struct io_uring raw;
    struct sr_ring *ring;
    struct sr_completion *done;
    char *memory;
    struct echo_clients *clients;
    uint32_t depth;
    bool receives; /* a receive is under way on every connection, from the first run on */
    struct connection connections[];
};

static void server_free(struct server *server)
{
    for (uint32_t i = 0; i < server->depth; i++)
        close(server->connections[i].fd);
    if (server->clients != NULL)
        echo_disconnect(server->clients);
    free(server->done);
    free(server->memory);
    free(server);
}

static int server_new(struct server **out, uint32_t depth, bool tcp)
{
    int fds[64];
    if (depth > sizeof fds / sizeof fds[0])
        return -EINVAL;
    struct server *server = calloc(1, sizeof *server + depth * sizeof server->connections[0]);
    if (server == NULL)
        return -ENOMEM;
    server->memory = calloc(depth, ECHO_BYTES);
    server->done = calloc(depth, sizeof server->done[0]);
    int rc = -ENOMEM;
    if (server->memory != NULL && server->done != NULL)
        rc = echo_connect(depth, tcp, fds, &server->clients);
    if (rc != 0) {
        server_free(server);
        return rc;
    }
    server->depth = depth;
    for (uint32_t i = 0; i < depth; i++)
        server->connections[i] = (struct connection){.fd = fds[i], .bytes = server->memory + i * ECHO_BYTES};
    *out = server;
    return 0;
}

/* ---- raw ---- */

static int raw_open(void **self, uint32_t depth, bool tcp)
{
    struct server *server;
    int rc = server_new(&server, depth, tcp);
    if (rc != 0)
        return rc;
    rc = raw_ring_open(&server->raw, depth);
    if (rc != 0) {
        server_free(server);
        return rc;
    }
    *self = server;
    return 0;
}

static void raw_start(struct server *server, struct connection *connection)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&server->raw);
    if (connection->sending)
        io_uring_prep_send(sqe, connection->fd, connection->bytes + connection->sent,
                           connection->received - connection->sent, 0);
    else
        io_uring_prep_recv(sqe, connection->fd, connection->bytes, ECHO_BYTES, 0);
    io_uring_sqe_set_data(sqe, connection);
}

static int raw_serve(struct server *server, uint64_t messages)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < server->depth && !server->receives; i++)
        raw_start(server, &server->connections[i]);
    server->receives = true;
    while (bytes < messages * ECHO_BYTES) {
        int rc = io_uring_submit_and_wait(&server->raw, 1);
        if (rc < 0 && rc != -EINTR)
            return rc;
        struct io_uring_cqe *cqe;
        unsigned head;
        unsigned count = 0;
        io_uring_for_each_cqe(&server->raw, head, cqe)
        {
            struct connection *connection = io_uring_cqe_get_data(cqe);
            count++;
            if (cqe->res <= 0)
                return cqe->res < 0 ? cqe->res : -EIO;
            advance(connection, cqe->res, &bytes);
            raw_start(server, connection);
        }
        io_uring_cq_advance(&server->raw, count);
    }
    return 0;
}

static int raw_run(void *self, uint64_t operations)
{
    struct server *server = self;
    int rc = echo_begin(server->clients, operations);
    if (rc != 0)
        return rc;
    rc = raw_serve(server, operations);
    int theirs = rc == 0 ? echo_end(server->clients) : 0;
    return rc != 0 ? rc : theirs;
}

static void raw_close(void *self)
{
    struct server *server = self;
    io_uring_queue_exit(&server->raw);
    server_free(server);
}

/* ---- library ---- */

SR_UNCHECKED static void library_close(void *self)
{
    struct server *server = self;
    if (server->ring != NULL) {
        uint32_t remaining;
        if (sr_ring_cancel_all(server->ring, SR_FOREVER, &remaining) != 0 ||
            sr_ring_drain(server->ring, SR_FOREVER, &remaining) != 0 || sr_ring_close(&server->ring) != 0)
            abort();
    }
    for (uint32_t i = 0; i < server->depth; i++) {
        struct connection *connection = &server->connections[i];
        if (connection->buffer != NULL && sr_buffer_release(&connection->buffer) != 0)
            abort();
    }
    server_free(server);
}

static int library_open(void **self, uint32_t depth, bool tcp)
{
    struct server *server;
    int rc = server_new(&server, depth, tcp);
    if (rc != 0)
        return rc;
    for (uint32_t i = 0; i < depth && rc == 0; i++)
        rc = sr_buffer_new(&server->connections[i].buffer, ECHO_BYTES);
    if (rc == 0)
        rc = library_ring_open(&server->ring, depth);
    if (rc != 0) {
        library_close(server);
        return rc;
    }
    *self = server;
    return 0;
}

SR_UNCHECKED static int library_start(struct server *server, struct connection *connection)
{
    struct sr_op op;
    int rc;
    if (connection->sending) {
        struct sr_range rest = sr_range(connection->sent, connection->received - connection->sent);
        rc = sr_send_owned(server->ring, sr_fd(connection->fd), &connection->buffer, rest, 0, &op);
    } else {
        rc = sr_recv_owned(server->ring, sr_fd(connection->fd), &connection->buffer, sr_range(0, ECHO_BYTES),
                           0, &op);
    }
    if (rc != 0)
        return rc;
    rc = sr_op_detach(server->ring, &op, connection);
    if (rc != 0)
        sr_op_drop(server->ring, &op);
    return rc;
}

SR_UNCHECKED static int library_serve(struct server *server, uint64_t messages)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < server->depth && !server->receives; i++) {
        int rc = library_start(server, &server->connections[i]);
        if (rc != 0)
            return rc;
    }
    server->receives = true;
    while (bytes < messages * ECHO_BYTES) {
        size_t count;
        int rc = sr_ring_next_many(server->ring, server->done, server->depth, &count);
        if (rc != 0)
            return rc;
        for (size_t i = 0; i < count; i++) {
            struct connection *connection = server->done[i].user;
            int32_t moved = sr_take(&server->done[i], &connection->buffer);
            if (moved <= 0)
                return moved < 0 ? moved : -EIO;
            advance(connection, moved, &bytes);
            rc = library_start(server, connection);
            if (rc != 0)
                return rc;
        }
    }
    return 0;
}

static int library_run(void *self, uint64_t operations)
{
    struct server *server = self;
    int rc = echo_begin(server->clients, operations);
    if (rc != 0)
        return rc;
    rc = library_serve(server, operations);
    int theirs = rc == 0 ? echo_end(server->clients) : 0;
    return rc != 0 ? rc : theirs;
}

/* ---- over TCP and over unix sockets ---- */

static int raw_open_tcp(void **self, uint32_t depth)
{
    return raw_open(self, depth, true);
}

static int raw_open_unix(void **self, uint32_t depth)
{
    return raw_open(self, depth, false);
}

static int library_open_tcp(void **self, uint32_t depth)
{
    return library_open(self, depth, true);
}

static int library_open_unix(void **self, uint32_t depth)
{
    return library_open(self, depth, false);
}

static const struct arm raw_tcp = {raw_open_tcp, raw_run, raw_close};
static const struct arm raw_unix = {raw_open_unix, raw_run, raw_close};
const struct arm echo_library_tcp = {library_open_tcp, library_run, library_close};
static const struct arm library_unix = {library_open_unix, library_run, library_close};

const struct bench bench_echo_tcp = {
    .name = "echo_tcp",
    .what = "64 bytes there and back over TCP, client and server on one processor",
    .depths = {1, 64},
    .slice_ns = 5000000,
    .needs_uring = true,
    .raw = &raw_tcp,
    .library = &echo_library_tcp,
};

const struct bench bench_echo_unix = {
    .name = "echo_unix",
    .what = "the same over unix sockets",
    .depths = {1, 64},
    .slice_ns = 5000000,
    .needs_uring = true,
    .raw = &raw_unix,
    .library = &library_unix,
};
