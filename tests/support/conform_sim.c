/*
 * The simulated kernel, kind, with objects of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "safer_ring/sim.h"
#include "support/conform_sockets.h"
#include "support/main.h"

static void sim_pipe(void *self, int ends[2])
{
    assert_int_equal(sr_sim_pipe(self, ends), 0);
}

static void sim_socketpair(void *self, int ends[2])
{
    assert_int_equal(sr_sim_socketpair(self, ends), 0);
}

static int sim_listen(void *self, struct sockaddr_storage *address, socklen_t *length)
{
    struct sockaddr_un *at = (struct sockaddr_un *)address;
    int fd = -1;
    memset(address, 0, sizeof *address);
    at->sun_family = AF_UNIX;
    strcpy(at->sun_path, "/listen");
    *length = sizeof *at;
    assert_int_equal(sr_sim_listen(self, (struct sockaddr *)at, *length, 4, &fd), 0);
    return fd;
}

static int sim_socket(void *self)
{
    int fd = -1;
    assert_int_equal(sr_sim_socket(self, AF_UNIX, &fd), 0);
    return fd;
}

static const char *sim_path(void *self)
{
    (void)self;
    return "/file";
}

static int sim_file(void *self, const char *content)
{
    int fd = -1;
    assert_int_equal(sr_sim_file(self, sim_path(self), content, strlen(content)), 0);
    assert_int_equal(sr_sim_open(self, sim_path(self), O_RDWR, &fd), 0);
    return fd;
}

static int sim_write(void *self, int fd, const char *text)
{
    size_t moved = 0;
    int rc = sr_sim_write(self, fd, text, strlen(text), &moved);
    return rc != 0 ? rc : (int)moved;
}

static int sim_read(void *self, int fd, void *bytes, size_t size)
{
    size_t moved = 0;
    int rc = sr_sim_read(self, fd, bytes, size, &moved);
    return rc != 0 ? rc : (int)moved;
}

static void sim_close(void *self, int fd)
{
    assert_int_equal(sr_sim_close(self, fd), 0);
}

static int sim_eventfd(void *self)
{
    int fd = -1;
    assert_int_equal(sr_sim_eventfd(self, 0, &fd), 0);
    return fd;
}

/* The accepted end comes by a ring: there is no other way to accept there. */
static int sim_accept(struct sr_sim *sim, int listener)
{
    struct raw_ring raw;
    struct io_uring_cqe cqe;
    assert_int_equal(raw_ring_open(&raw, sr_sim_backend(sim), 1, 0), 0);
    io_uring_prep_accept(raw_ring_sqe(&raw, 1), listener, NULL, NULL, 0);
    assert_int_equal(raw_ring_submit_and_wait(&raw, 1), 1);
    assert_true(raw_ring_take(&raw, &cqe));
    raw_ring_close(&raw);
    assert_true(cqe.res >= 0);
    return cqe.res;
}

static void sim_connection(void *self, int ends[2])
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(7777),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = -1;
    assert_int_equal(sr_sim_listen(self, (struct sockaddr *)&at, sizeof at, 1, &listener), 0);
    assert_int_equal(sr_sim_socket(self, AF_INET, &ends[0]), 0);
    assert_int_equal(sr_sim_connect(self, ends[0], (struct sockaddr *)&at, sizeof at), 0);
    ends[1] = sim_accept(self, listener);
    assert_int_equal(sr_sim_close(self, listener), 0);
}

static const struct conform_objects objects_of_sim = {
    sim_pipe, sim_socketpair, sim_listen,  sim_socket,           sim_file,      sim_path, sim_write,
    sim_read, sim_close,      sim_eventfd, &conform_sim_sockets, sim_connection};

static int open_sim(struct sr_backend *backend, const struct conform_objects **objects, void **self)
{
    struct sr_sim *sim;
    int rc = sr_sim_new(&sim, NULL);
    if (rc != 0)
        return rc;
    *backend = sr_sim_backend(sim);
    *objects = &objects_of_sim;
    *self = sim;
    return 0;
}

static void close_sim(struct sr_backend *backend, void *self)
{
    struct sr_sim *sim = self;
    (void)backend;
    sr_sim_free(&sim);
}

const struct conform_column conform_sim = {"the simulated kernel", open_sim, close_sim};
