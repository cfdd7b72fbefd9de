/*
 * Values posted from any thread (RING-7): a small queue under a lock, and one wake of the kernel for as many values as
 * arrive before the ring looks.
 */
#include "base/alloc.h"
#include "ring/ring_private.h"

int sri_posts_init(struct sri_posts *posts, uint32_t size)
{
    posts->values = sri_alloc_zero(size, sizeof posts->values[0]);
    if (posts->values == NULL)
        return -ENOMEM;
    posts->size = size;
    posts->first = 0;
    atomic_init(&posts->count, 0);
    atomic_init(&posts->woken, false);
    pthread_mutex_init(&posts->lock, NULL);
    return 0;
}

void sri_posts_fini(struct sri_posts *posts)
{
    pthread_mutex_destroy(&posts->lock);
    sri_free(posts->values);
    posts->values = NULL;
}

static bool put(struct sri_posts *posts, uint64_t value)
{
    pthread_mutex_lock(&posts->lock);
    uint32_t count = atomic_load_explicit(&posts->count, memory_order_relaxed);
    bool room = count < posts->size;
    if (room) {
        posts->values[(posts->first + count) % posts->size] = value;
        atomic_store(&posts->count, count + 1);
    }
    pthread_mutex_unlock(&posts->lock);
    return room;
}

int sr_ring_post(struct sr_ring *ring, uint64_t value)
{
    if (ring == NULL)
        return -EINVAL;
    if (!sri_gate_is_alive(ring->gate))
        return SR_EWRONG_PROCESS;
    if (!put(&ring->posts, value))
        return -EAGAIN;
    if (atomic_exchange(&ring->posts.woken, true))
        return 0;
    int rc = ring->kernel.vtable->wake(ring->kernel.self, ring->fd, sri_id(0, 0, SRI_TAG_WAKE));
    if (rc == 0)
        return 0;
    /* No CQE will come to clear the mark. With a full CQ (-EOVERFLOW), or one not attached yet (-EBADFD), the ring looks
       anyway before it waits. */
    atomic_store(&ring->posts.woken, false);
    return rc == -EOVERFLOW || rc == -EBADFD ? 0 : rc;
}

bool sri_posts_take(struct sr_ring *ring, struct sr_completion *done)
{
    struct sri_posts *posts = &ring->posts;
    if (atomic_load_explicit(&posts->count, memory_order_acquire) == 0)
        return false;
    pthread_mutex_lock(&posts->lock);
    uint64_t value = posts->values[posts->first];
    posts->first = (posts->first + 1) % posts->size;
    atomic_fetch_sub(&posts->count, 1);
    pthread_mutex_unlock(&posts->lock);
    *done =
        (struct sr_completion){.ring = ring, .value = value, .opcode = IORING_OP_MSG_RING, .posted = true};
    return true;
}

int sr_ring_await_posts(struct sr_ring *ring, bool on)
{
    if (ring == NULL)
        return -EINVAL;
    int refused = sri_ring_check(ring);
    if (refused == 0)
        ring->awaits_posts = on;
    return refused;
}
