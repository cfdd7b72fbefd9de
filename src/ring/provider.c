/*
 * Provided buffers: lent to the kernel beforehand, for it to choose from. Each is an owned buffer of its own once it is
 * selected, and goes back to the kernel when it is released (BUF-5, BUF-9).
 */
#include "ring/provider.h"

#include <string.h>

#include "base/alloc.h"
#include "base/checked.h"

#define PAGE 4096u

/* ---- the kernel's ring of entries ---- */

/* A buffer is the kernel's from here on. The lock is held. */
static void provide(struct sr_provider *provider, uint32_t number)
{
    struct sr_buffer *buffer = provider->headers[number];
    buffer->size = provider->buffer_size;
    sri_buffer_move(buffer, SRI_OWNER_MAKE);
    sri_buffer_move(buffer, SRI_OWNER_LEND);
    io_uring_buf_ring_add(provider->entries, buffer->memory, (unsigned)provider->buffer_size,
                          (unsigned short)number, io_uring_buf_ring_mask(provider->count), 0);
    io_uring_buf_ring_advance(provider->entries, 1);
    provider->available++;
}

static void home_to_provider(const struct sri_origin *origin, struct sr_buffer *buffer)
{
    struct sr_provider *provider = (struct sr_provider *)(uintptr_t)origin;
    uint32_t number = (uint32_t)((size_t)(buffer->memory - provider->region) / provider->stride);
    sri_lock_take(&provider->lock);
    provide(provider, number);
    sri_lock_give(&provider->lock);
}

static struct sr_provider *provider_of(const struct sr_ring *ring, uint32_t group)
{
    struct sr_provider *provider = ring->providers;
    while (provider != NULL && provider->group != group)
        provider = provider->next;
    return provider;
}

/* A number that was not provided, or is out already, is a broken kernel: whose bytes it wrote, nobody knows (BUF-7). */
struct sr_buffer *sri_provider_selected(struct sr_ring *ring, const struct sri_slot *slot,
                                        const struct io_uring_cqe *cqe)
{
    struct sr_provider *provider = provider_of(ring, slot->group);
    uint32_t number = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
    SRI_REQUIRE(provider != NULL && number < provider->count);
    struct sr_buffer *buffer = provider->headers[number];
    sri_lock_take(&provider->lock);
    bool lent = buffer->owner == SRI_OWNER_KERNEL && provider->available > 0;
    provider->available--;
    sri_lock_give(&provider->lock);
    SRI_REQUIRE(lent);
    return buffer;
}

static int register_entries(struct sr_provider *provider)
{
    const struct sr_backend *kernel = &provider->ring->kernel;
    struct io_uring_buf_reg ask = {.ring_addr = (uint64_t)(uintptr_t)provider->entries,
                                   .ring_entries = provider->count,
                                   .bgid = provider->group};
    int rc = kernel->vtable->register_(kernel->self, provider->ring->fd, IORING_REGISTER_PBUF_RING, &ask, 1);
    return rc < 0 ? rc : 0;
}

static void unregister_entries(struct sr_provider *provider)
{
    const struct sr_backend *kernel = &provider->ring->kernel;
    struct io_uring_buf_reg ask = {.bgid = provider->group};
    int rc =
        kernel->vtable->register_(kernel->self, provider->ring->fd, IORING_UNREGISTER_PBUF_RING, &ask, 1);
    if (rc < 0)
        sri_log(SR_LOG_WARNING, "a provider's entries could not be taken from the kernel: %s",
                sr_err_name(rc));
}

/* ---- life ---- */

/* Every buffer is at home. */
static void destroy(struct sr_provider *provider)
{
    for (uint32_t i = 0; provider->headers != NULL && i < provider->count && provider->headers[i] != NULL;
         i++) {
        struct sr_buffer *buffer = provider->headers[i];
        if (buffer->owner == SRI_OWNER_KERNEL) {
            sri_buffer_move(buffer, SRI_OWNER_WITHDRAW);
            sri_buffer_move(buffer, SRI_OWNER_RELEASE);
        }
        sri_header_return(buffer);
    }
    sri_free(provider->headers);
    sri_free(provider->entries);
    sri_free(provider->region);
    sri_free(provider);
}

static int make_memory(struct sr_provider *provider)
{
    size_t alignment = sri_bytes_alignment(provider->buffer_size);
    size_t total;
    provider->stride = (provider->buffer_size + alignment - 1) & ~(alignment - 1);
    if (!sri_mul_size(provider->stride, provider->count, &total))
        return -ENOMEM;
    size_t entries = provider->count * sizeof(struct io_uring_buf);
    provider->region = sri_alloc_aligned(total, alignment);
    provider->entries = sri_alloc_aligned((entries + PAGE - 1) & ~(size_t)(PAGE - 1), PAGE);
    provider->headers = sri_alloc_zero(provider->count, sizeof(struct sr_buffer *));
    if (provider->region == NULL || provider->entries == NULL || provider->headers == NULL)
        return -ENOMEM;
    memset(provider->region, 0, total);
    io_uring_buf_ring_init(provider->entries);
    for (uint32_t i = 0; i < provider->count; i++) {
        struct sr_buffer *buffer = sri_header_take();
        if (buffer == NULL)
            return -ENOMEM;
        provider->headers[i] = buffer;
        buffer->origin = &provider->origin;
        buffer->bytes = buffer->memory = provider->region + i * provider->stride;
        buffer->size = provider->buffer_size;
    }
    return 0;
}

/*
 * Under the lowest number that no live provider of the ring has. The kernel may have kept one of an earlier provider, whose
 * entries could not be taken from it: nothing selects from that any more, and the next number is as good.
 */
static int register_group(struct sr_provider *provider)
{
    for (uint32_t group = 0; group <= UINT16_MAX; group++) {
        if (provider_of(provider->ring, group) != NULL)
            continue;
        provider->group = (uint16_t)group;
        int rc = register_entries(provider);
        if (rc != -EEXIST)
            return rc;
    }
    return -ENOSPC;
}

static bool is_power_of_two(uint32_t number)
{
    return number != 0 && (number & (number - 1)) == 0;
}

int sr_provider_new(struct sr_ring *ring, uint32_t count, size_t buffer_size, struct sr_provider **out)
{
    if (ring == NULL || out == NULL || !is_power_of_two(count) || count > SR_PROVIDED_MAX ||
        buffer_size == 0 || buffer_size > INT32_MAX)
        return -EINVAL;
    int rc = sr_ring_may_start(ring);
    if (rc != 0)
        return rc;
    struct sr_provider *provider = sri_alloc_zero(1, sizeof *provider);
    if (provider == NULL)
        return -ENOMEM;
    provider->origin.home = home_to_provider;
    provider->ring = ring;
    provider->count = count;
    provider->buffer_size = buffer_size;
    rc = make_memory(provider);
    if (rc == 0)
        rc = register_group(provider);
    if (rc != 0) {
        destroy(provider);
        return rc;
    }
    for (uint32_t i = 0; i < count; i++)
        provide(provider, i);
    provider->next = ring->providers;
    ring->providers = provider;
    rc = sr_ring_hold(ring, &provider->hold, "a provider of buffers");
    SRI_REQUIRE(rc == 0);
    *out = provider;
    return 0;
}

uint32_t sr_provider_available(struct sr_provider *provider)
{
    if (provider == NULL)
        return 0;
    sri_lock_take(&provider->lock);
    uint32_t available = provider->available;
    sri_lock_give(&provider->lock);
    return available;
}

/* Operations under way for which the kernel may still select one of its buffers. */
static bool is_asked(const struct sr_provider *provider)
{
    const struct sr_ring *ring = provider->ring;
    for (uint32_t i = 0; i < ring->max_in_flight; i++) {
        const struct sri_slot *slot = &ring->hot.slots[i];
        bool under_way = slot->state == SRI_OPERATION_QUEUED || slot->state == SRI_OPERATION_SUBMITTED ||
                         slot->state == SRI_OPERATION_CANCELLING;
        if (under_way && sri_selects(slot) && slot->group == provider->group)
            return true;
    }
    return false;
}

static void leave(struct sr_provider *provider)
{
    struct sr_provider **place = &provider->ring->providers;
    while (*place != provider)
        place = &(*place)->next;
    *place = provider->next;
    sr_ring_let_go(&provider->hold);
    destroy(provider);
}

int sr_provider_free(struct sr_provider **handle)
{
    if (handle == NULL || *handle == NULL)
        return -EINVAL;
    struct sr_provider *provider = *handle;
    int refused = sri_ring_check(provider->ring);
    if (refused != 0 && refused != SR_EWRONG_PROCESS)
        return refused;
    if (sr_provider_available(provider) != provider->count || (refused == 0 && is_asked(provider)))
        return SR_EBUFFER_IN_FLIGHT;
    *handle = NULL;
    if (refused == 0)
        unregister_entries(provider);
    leave(provider);
    return 0;
}
