/*
 * The table of registered buffers, and the operations on them. A buffer is a range of the program's memory that was looked at
 * once; nothing is pinned, so a program that unmaps one sees -EFAULT where the true kernel goes on with the old pages.
 */
#include "engine/buffers.h"

#include <errno.h>
#include <limits.h>

#include "engine/guest.h"
#include "engine/steps.h"

#define BUFFERS_MOST (1u << 14)
#define LENGTH_MOST ((size_t)1 << 30)
#define TRANSFER_MOST 0x7ffff000u

static int check_segment(struct sri_engine *engine, const struct iovec *segment)
{
    uintptr_t end;
    if (segment->iov_base == NULL)
        return segment->iov_len != 0 ? -EFAULT : 0;
    if (segment->iov_len == 0 || segment->iov_len > LENGTH_MOST)
        return -EFAULT;
    if (__builtin_add_overflow((uintptr_t)segment->iov_base, (segment->iov_len + 4095) & ~(size_t)4095, &end))
        return -EOVERFLOW;
    return sri_user_writable(&engine->user, segment->iov_base, segment->iov_len);
}

/* NULL in *out: the slot is to be empty. */
static int import_buffer(struct sri_ring *ring, const struct sri_import *import, uint32_t index,
                         struct sri_resource **out)
{
    struct sri_engine *engine = ring->engine;
    struct iovec segment;
    uint64_t tag;
    *out = NULL;
    if (sri_import_item(engine, import->guest, import->items, index, &segment, sizeof segment) != 0)
        return -EFAULT;
    if (segment.iov_len > SSIZE_MAX)
        return -EINVAL;
    int error = check_segment(engine, &segment);
    if (error == 0)
        error = sri_import_tag(engine, import, index, &tag);
    if (error != 0)
        return error;
    if (segment.iov_base == NULL)
        return tag != 0 ? -EINVAL : 0;
    *out = sri_resource_new(ring, tag, false);
    if (*out == NULL)
        return -ENOMEM;
    (*out)->base = segment.iov_base;
    (*out)->length = segment.iov_len;
    return 0;
}

/* Without an array every slot is empty. */
static int check_tag(struct sri_engine *engine, const struct sri_import *import, uint32_t index)
{
    uint64_t tag;
    int error = sri_import_tag(engine, import, index, &tag);
    return error == 0 && tag != 0 ? -EINVAL : error;
}

int sri_buffers_register(struct sri_ring *ring, const struct sri_import *import)
{
    struct sri_resources *table = &ring->buffers;
    if (table->count != 0)
        return -EBUSY;
    if (import->count == 0 || import->count > BUFFERS_MOST)
        return -EINVAL;
    int error = sri_resources_init(table, import->count);
    for (uint32_t i = 0; i < import->count && error == 0; i++)
        error = import->items == 0 ? check_tag(ring->engine, import, i)
                                   : import_buffer(ring, import, i, &table->slots[i]);
    if (error != 0) {
        sri_resources_silence(table);
        sri_resources_clean_up(table);
    }
    return error;
}

int sri_buffers_unregister(struct sri_ring *ring)
{
    if (ring->buffers.count == 0)
        return -ENXIO;
    sri_resources_clean_up(&ring->buffers);
    return 0;
}

int sri_buffers_update(struct sri_ring *ring, const struct sri_import *import)
{
    struct sri_resources *table = &ring->buffers;
    uint32_t end;
    if (__builtin_add_overflow(import->offset, import->count, &end))
        return -EOVERFLOW;
    if (table->count == 0)
        return -ENXIO;
    if (end > table->count)
        return -EINVAL;
    for (uint32_t i = 0; i < import->count; i++) {
        struct sri_resource *resource;
        int error = import_buffer(ring, import, i, &resource);
        if (error != 0)
            return i > 0 ? (int)i : error;
        sri_resources_clear(table, import->offset + i);
        table->slots[import->offset + i] = resource;
    }
    return (int)import->count;
}

static bool is_inside(const struct iovec *segment, const struct sri_resource *buffer)
{
    uintptr_t begin = (uintptr_t)segment->iov_base;
    uintptr_t first = (uintptr_t)buffer->base;
    if (begin < first || begin - first > buffer->length)
        return false;
    return segment->iov_len <= buffer->length - (begin - first) && segment->iov_len <= TRANSFER_MOST;
}

/* No table, no such buffer, outside of it: all the same answer (measured). */
int sri_buffers_use(struct sri_request *request)
{
    struct sri_resource *buffer = sri_resources_at(&request->ring->buffers, request->buffer_index);
    if (buffer == NULL)
        return -EFAULT;
    buffer->references++;
    request->buffer_node = buffer->number;
    return is_inside(&request->one, buffer) ? 0 : -EFAULT;
}
