/*
 * A ring in a libuv loop. Of the library only the public calls are used; the loop's thread is the ring's.
 *
 * Three handles: a poll of the ring's descriptor wakes the loop; a prepare submits what was queued since, before the loop waits;
 * and an idle keeps the loop from waiting while callbacks are due that the descriptor does not tell of any more.
 */
#include "safer_ring/uv.h"

#include <uv.h>

#include "base/alloc.h"

struct sr_uv {
    struct sr_ring *ring; /* NULL: detached */
    struct sr_hold hold;
    uv_poll_t poll;
    uv_prepare_t prepare;
    uv_idle_t idle;
    unsigned open; /* handles that libuv has */
    int error;
};

/* It keeps the loop turning, that is all. */
static void turn(uv_idle_t *idle)
{
    (void)idle;
}

static void dispatch(struct sr_uv *it)
{
    if (it->ring == NULL)
        return;
    int rc = sr_ring_dispatch(it->ring, NULL);
    if (it->ring == NULL) /* one of the callbacks has detached it */
        return;
    it->error = rc;
    if (rc != 0 || sr_ring_callbacks_due(it->ring) > 0)
        uv_idle_start(&it->idle, turn);
    else
        uv_idle_stop(&it->idle);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status; /* whatever it is, the ring knows better */
    (void)events;
    dispatch(poll->data);
}

static void before_waiting(uv_prepare_t *prepare)
{
    dispatch(prepare->data);
}

static void on_closed(uv_handle_t *handle)
{
    struct sr_uv *it = handle->data;
    if (--it->open == 0)
        sri_free(it);
}

static void close_handle(struct sr_uv *it, uv_handle_t *handle)
{
    handle->data = it;
    it->open++;
    uv_close(handle, on_closed);
}

/* libuv's codes on Linux are -errno. */
static int start(struct sr_uv *it, uv_loop_t *loop, int fd, struct sr_uv **out)
{
    int rc = uv_poll_init(loop, &it->poll, fd);
    if (rc != 0) { /* libuv has none of it */
        sr_ring_let_go(&it->hold);
        sri_free(it);
        return rc;
    }
    it->poll.data = it->prepare.data = it;
    uv_prepare_init(loop, &it->prepare); /* these never fail */
    uv_idle_init(loop, &it->idle);
    uv_prepare_start(&it->prepare, before_waiting);
    rc = uv_poll_start(&it->poll, UV_READABLE, on_readable);
    if (rc != 0) {
        int detached = sr_uv_detach(&it);
        return detached != 0 ? detached : rc;
    }
    *out = it;
    return 0;
}

int sr_uv_attach(struct uv_loop_s *loop, struct sr_ring *ring, struct sr_uv **out)
{
    if (loop == NULL || ring == NULL || out == NULL)
        return -EINVAL;
    int fd = sr_ring_pollable_fd(ring);
    if (fd < 0)
        return fd;
    struct sr_uv *it = sri_alloc_zero(1, sizeof *it);
    if (it == NULL)
        return -ENOMEM;
    it->ring = ring;
    int rc = sr_ring_hold(ring, &it->hold, "a libuv loop");
    if (rc != 0) {
        sri_free(it);
        return rc;
    }
    return start(it, loop, fd, out);
}

int sr_uv_detach(struct sr_uv **uv)
{
    if (uv == NULL || *uv == NULL)
        return -EINVAL;
    struct sr_uv *it = *uv;
    *uv = NULL;
    /* Closing the poll takes the descriptor out of the loop's epoll now; only then may the ring close it. */
    close_handle(it, (uv_handle_t *)&it->poll);
    close_handle(it, (uv_handle_t *)&it->prepare);
    close_handle(it, (uv_handle_t *)&it->idle);
    it->ring = NULL;
    sr_ring_let_go(&it->hold);
    return 0;
}

int sr_uv_error(const struct sr_uv *uv)
{
    return uv != NULL ? uv->error : -EINVAL;
}
