/*
 * The same work by libuv, where that is installed: reads by its pool of threads, the echo server by its loop over epoll. In the
 * place of the raw arm, so that the ratio is the library's time to libuv's. The echo is on one processor, as everywhere here;
 * libuv's threads may use all there are.
 */
#ifdef BENCH_LIBUV

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "echo.h"
#include "read.h"

/* ---- reads ---- */

struct uv_reading;

struct uv_place {
    uv_fs_t request;
    uv_buf_t bytes;
    struct uv_reading *reading;
};

struct uv_reading {
    uv_loop_t loop;
    char *memory;
    uint64_t wanted;
    uint64_t started;
    int outcome;
    uint32_t depth;
    struct uv_place places[];
};

static void read_next(struct uv_place *place);

static void on_read(uv_fs_t *request)
{
    struct uv_place *place = request->data;
    ssize_t count = request->result;
    uv_fs_req_cleanup(request);
    if (count != (ssize_t)READ_BLOCK)
        place->reading->outcome = -EIO;
    read_next(place);
}

static void read_next(struct uv_place *place)
{
    struct uv_reading *reading = place->reading;
    if (reading->started == reading->wanted || reading->outcome != 0)
        return;
    place->request.data = place;
    reading->outcome = uv_fs_read(&reading->loop, &place->request, read_file(), &place->bytes, 1,
                                  (int64_t)read_offset(reading->started++), on_read);
}

static void nothing(uv_work_t *work)
{
    (void)work;
}

/* Threads stay where the thread that makes them may be: libuv's pool, made at its first use, is not to share this processor. */
static int make_pool(void)
{
    cpu_set_t here;
    cpu_set_t everywhere;
    uv_work_t work;
    memset(&everywhere, 0xff, sizeof everywhere);
    if (sched_getaffinity(0, sizeof here, &here) != 0 ||
        sched_setaffinity(0, sizeof everywhere, &everywhere) != 0)
        return -errno;
    int rc = uv_queue_work(uv_default_loop(), &work, nothing, NULL);
    if (rc == 0)
        rc = uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    return sched_setaffinity(0, sizeof here, &here) == 0 ? rc : -errno;
}

static int reading_prepare(void)
{
    int rc = make_pool();
    return rc == 0 ? read_prepare() : rc;
}

static int reading_open(void **self, uint32_t depth)
{
    struct uv_reading *reading = calloc(1, sizeof *reading + depth * sizeof reading->places[0]);
    if (reading == NULL)
        return -ENOMEM;
    reading->memory = raw_buffers(depth, READ_BLOCK);
    int rc = reading->memory != NULL ? uv_loop_init(&reading->loop) : -ENOMEM;
    if (rc != 0) {
        free(reading->memory);
        free(reading);
        return rc;
    }
    reading->depth = depth;
    for (uint32_t i = 0; i < depth; i++) {
        reading->places[i].reading = reading;
        reading->places[i].bytes = uv_buf_init(reading->memory + (size_t)i * READ_BLOCK, READ_BLOCK);
    }
    *self = reading;
    return 0;
}

static int reading_run(void *self, uint64_t operations)
{
    struct uv_reading *reading = self;
    reading->wanted = operations;
    reading->started = 0;
    for (uint32_t i = 0; i < reading->depth; i++)
        read_next(&reading->places[i]);
    uv_run(&reading->loop, UV_RUN_DEFAULT);
    return reading->outcome;
}

static void reading_close(void *self)
{
    struct uv_reading *reading = self;
    if (uv_loop_close(&reading->loop) != 0)
        abort();
    free(reading->memory);
    free(reading);
}

/* ---- echo ---- */

struct uv_server;

struct uv_connection {
    uv_tcp_t stream;
    struct uv_server *server;
    char bytes[ECHO_BYTES];
};

struct uv_server {
    uv_loop_t loop;
    struct echo_clients *clients;
    uint64_t bytes;
    uint64_t wanted;
    int outcome;
    uint32_t depth;
    struct uv_connection connections[];
};

static void give_bytes(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct uv_connection *connection = handle->data;
    (void)suggested;
    *out = uv_buf_init(connection->bytes, ECHO_BYTES);
}

static void fail(struct uv_server *server, ssize_t code)
{
    server->outcome = code < 0 ? (int)code : -EIO;
    uv_stop(&server->loop);
}

static void on_written(uv_write_t *request, int status)
{
    struct uv_connection *connection = request->data;
    free(request);
    if (status != 0)
        fail(connection->server, status);
}

/* What could not be sent at once. The client waits for its answer before it goes on, so that the bytes stay until then. */
static int send_later(struct uv_connection *connection, uv_buf_t rest)
{
    uv_write_t *request = malloc(sizeof *request);
    if (request == NULL)
        return -ENOMEM;
    request->data = connection;
    int rc = uv_write(request, (uv_stream_t *)&connection->stream, &rest, 1, on_written);
    if (rc != 0)
        free(request);
    return rc;
}

static int answer(struct uv_connection *connection, uv_buf_t bytes)
{
    int sent = uv_try_write((uv_stream_t *)&connection->stream, &bytes, 1);
    if (sent < 0 && sent != UV_EAGAIN)
        return sent;
    unsigned done = sent > 0 ? (unsigned)sent : 0;
    if (done == bytes.len)
        return 0;
    return send_later(connection, uv_buf_init(bytes.base + done, (unsigned)bytes.len - done));
}

static void on_received(uv_stream_t *stream, ssize_t count, const uv_buf_t *bytes)
{
    struct uv_connection *connection = stream->data;
    struct uv_server *server = connection->server;
    if (count == 0)
        return;
    int rc = count > 0 ? answer(connection, uv_buf_init(bytes->base, (unsigned)count)) : (int)count;
    if (rc != 0) {
        fail(server, rc);
        return;
    }
    server->bytes += (uint64_t)count;
    if (server->bytes == server->wanted)
        uv_stop(&server->loop);
}

static void end_connection(struct uv_connection *connection)
{
    uv_close((uv_handle_t *)&connection->stream, NULL);
}

static void server_close(void *self)
{
    struct uv_server *server = self;
    for (uint32_t i = 0; i < server->depth; i++)
        end_connection(&server->connections[i]);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&server->loop) != 0)
        abort();
    echo_disconnect(server->clients);
    free(server);
}

static int begin_connection(struct uv_server *server, struct uv_connection *connection, int fd)
{
    connection->server = server;
    int rc = uv_tcp_init(&server->loop, &connection->stream);
    if (rc != 0)
        return rc;
    server->depth++;
    connection->stream.data = connection;
    rc = uv_tcp_open(&connection->stream, fd);
    return rc != 0 ? rc : uv_read_start((uv_stream_t *)&connection->stream, give_bytes, on_received);
}

static int server_open(void **self, uint32_t depth)
{
    int fds[64];
    if (depth > sizeof fds / sizeof fds[0])
        return -EINVAL;
    struct uv_server *server = calloc(1, sizeof *server + depth * sizeof server->connections[0]);
    if (server == NULL)
        return -ENOMEM;
    int rc = echo_connect(depth, true, fds, &server->clients);
    if (rc != 0) {
        free(server);
        return rc;
    }
    rc = uv_loop_init(&server->loop);
    for (uint32_t i = 0; rc == 0 && i < depth; i++)
        rc = begin_connection(server, &server->connections[i], fds[i]);
    if (rc != 0) {
        server_close(server);
        return rc;
    }
    *self = server;
    return 0;
}

static int server_run(void *self, uint64_t operations)
{
    struct uv_server *server = self;
    server->bytes = 0;
    server->wanted = operations * ECHO_BYTES;
    int rc = echo_begin(server->clients, operations);
    if (rc != 0)
        return rc;
    uv_run(&server->loop, UV_RUN_DEFAULT);
    int theirs = server->outcome == 0 ? echo_end(server->clients) : 0;
    return server->outcome != 0 ? server->outcome : theirs;
}

static const struct arm uv_read = {reading_open, reading_run, reading_close};
static const struct arm uv_echo = {server_open, server_run, server_close};

const struct bench bench_read_libuv = {
    .name = "read_libuv",
    .what = "4 KiB reads of a cached file, against libuv's",
    .depths = {1, 32},
    .slice_ns = 2000000,
    .needs_uring = true,
    .prepare = reading_prepare,
    .finish = read_finish,
    .raw = &uv_read,
    .library = &library_read,
};

const struct bench bench_echo_libuv = {
    .name = "echo_libuv",
    .what = "64 bytes there and back over TCP, against libuv's server",
    .depths = {1, 64},
    .slice_ns = 5000000,
    .needs_uring = true,
    .raw = &uv_echo,
    .library = &echo_library_tcp,
};

#endif
