/*
 * What the cases about sockets share.
 */
#include "support/conform_sockets.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "support/main.h"

#define PATIENCE_NS UINT64_C(5000000000)
#define POLL_DATA 900
#define STOP_DATA 901

void conform_do(struct conform *c, unsigned count)
{
    int rc = raw_ring_submit(&c->ring);
    if (rc < 0)
        conform_value(c, "submit", rc);
    conform_take(c, count);
}

/* One that must come, without a line. */
static int quiet_result(struct conform *c)
{
    struct io_uring_cqe cqe;
    assert_int_equal(raw_ring_submit(&c->ring), 1);
    int rc;
    do
        rc = raw_ring_wait(&c->ring, 1, PATIENCE_NS);
    while (rc == -EINTR);
    assert_int_equal(rc, 0);
    assert_true(raw_ring_take(&c->ring, &cqe));
    return cqe.res;
}

void conform_connect(struct conform *c, int domain, int ends[2])
{
    struct conform_address address;
    int listener = conform_listener(c, domain, 4, &address);
    ends[0] = conform_socket(c, domain, SOCK_STREAM);
    io_uring_prep_connect(conform_sqe(c, 1), ends[0], (struct sockaddr *)&address.storage, address.length);
    assert_int_equal(quiet_result(c), 0);
    io_uring_prep_accept(conform_sqe(c, 1), listener, NULL, NULL, 0);
    ends[1] = quiet_result(c);
    assert_true(ends[1] >= 0);
    conform_close(c, listener);
}

void conform_say_mask(struct conform *c, unsigned mask)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {{POLLIN, "IN"},         {POLLPRI, "PRI"},       {POLLOUT, "OUT"},
                 {POLLERR, "ERR"},       {POLLHUP, "HUP"},       {POLLNVAL, "NVAL"},
                 {POLLRDNORM, "RDNORM"}, {POLLRDBAND, "RDBAND"}, {POLLWRNORM, "WRNORM"},
                 {POLLWRBAND, "WRBAND"}, {POLLRDHUP, "RDHUP"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if ((mask & names[i].bit) != 0)
            conform_say(c, " %s", names[i].name);
}

/* One look, also at completions that other calls left; a poll that waits is taken back. */
void conform_polled(struct conform *c, int fd)
{
    static const unsigned all =
        POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLRDBAND | POLLWRNORM | POLLWRBAND | POLLRDHUP;
    struct io_uring_cqe cqe;
    io_uring_prep_poll_add(conform_sqe(c, POLL_DATA), fd, all);
    assert_int_equal(raw_ring_submit(&c->ring), 1);
    assert_int_equal(raw_ring_get_events(&c->ring), 0);
    conform_say(c, "polled:");
    if (raw_ring_take(&c->ring, &cqe)) {
        assert_int_equal(cqe.user_data, POLL_DATA);
        if (cqe.res < 0)
            conform_say(c, " %s", strerrorname_np(-cqe.res));
        else
            conform_say_mask(c, (unsigned)cqe.res);
        conform_say(c, "\n");
        return;
    }
    conform_say(c, " nothing\n");
    io_uring_prep_cancel64(conform_sqe(c, STOP_DATA), POLL_DATA, 0);
    assert_int_equal(raw_ring_submit(&c->ring), 1);
    assert_int_equal(raw_ring_wait(&c->ring, 2, PATIENCE_NS), 0);
    while (raw_ring_take(&c->ring, &cqe))
        continue;
}
