/*
 * Groups of provided buffers, made and taken away: PROVIDE_BUFFERS, REMOVE_BUFFERS, and the registration of rings. Who gets
 * a buffer is not decided here (select.c).
 */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/groups.h"
#include "engine/steps.h"

#define MOST 65535u
#define IDS 65536u
#define TRANSFER_MOST 0x7ffff000u
#define USER_END (UINT64_C(1) << 47)
#define PAGE 4096u

static struct sri_group **bucket_of(const struct sri_ring *ring, uint16_t id)
{
    return (struct sri_group **)(uintptr_t)&ring->groups[id % SRI_GROUP_BUCKETS];
}

struct sri_group *sri_group_find(const struct sri_ring *ring, uint16_t id)
{
    struct sri_group *group = *bucket_of(ring, id);
    while (group != NULL && group->id != id)
        group = group->next;
    return group;
}

static struct sri_group *add_group(struct sri_ring *ring, uint16_t id)
{
    struct sri_group **bucket = bucket_of(ring, id);
    struct sri_group *group = sri_alloc_zero(1, sizeof *group);
    if (group == NULL)
        return NULL;
    group->id = id;
    group->next = *bucket;
    *bucket = group;
    return group;
}

static void free_group(struct sri_ring *ring, struct sri_group *group)
{
    if (group->region != NULL)
        sri_region_put(ring->engine, group->region);
    sri_free(group->provided);
    sri_free(group);
}

static void remove_group(struct sri_ring *ring, struct sri_group *group)
{
    struct sri_group **at = bucket_of(ring, group->id);
    while (*at != group)
        at = &(*at)->next;
    *at = group->next;
    free_group(ring, group);
}

void sri_groups_drop(struct sri_ring *ring)
{
    for (uint32_t i = 0; i < SRI_GROUP_BUCKETS; i++) {
        while (ring->groups[i] != NULL)
            remove_group(ring, ring->groups[i]);
    }
}

/* As measured: counts and ids too large are -E2BIG, what the address space can't hold -EOVERFLOW or -EFAULT. */
int sri_prepare_provide(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    uint64_t size;
    uint64_t end;
    if (sqe->rw_flags != 0 || sqe->splice_fd_in != 0)
        return -EINVAL;
    if (sqe->fd <= 0 || (uint32_t)sqe->fd > IDS)
        return -E2BIG;
    if (sqe->len == 0)
        return -EINVAL;
    size = (uint64_t)sqe->len * (uint32_t)sqe->fd;
    if (__builtin_add_overflow(sqe->addr, size, &end))
        return -EOVERFLOW;
    if (end > USER_END)
        return -EFAULT;
    if (sqe->off >= IDS)
        return -E2BIG;
    if (sqe->off + (uint32_t)sqe->fd > IDS)
        return -EINVAL;
    request->providing = (struct sri_providing){.address = sqe->addr,
                                                .length = sqe->len,
                                                .count = (uint32_t)sqe->fd,
                                                .first_id = (uint16_t)sqe->off,
                                                .group = sqe->buf_group};
    return 0;
}

int sri_prepare_remove(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    if (sqe->rw_flags != 0 || sqe->addr != 0 || sqe->len != 0 || sqe->off != 0 || sqe->splice_fd_in != 0)
        return -EINVAL;
    if (sqe->fd <= 0 || (uint32_t)sqe->fd > IDS)
        return -EINVAL;
    request->providing = (struct sri_providing){.count = (uint32_t)sqe->fd, .group = sqe->buf_group};
    return 0;
}

/* Room for so many more, those there in order from the beginning. */
static int grow(struct sri_group *group, uint32_t more)
{
    uint32_t capacity = group->capacity == 0 ? 16 : group->capacity;
    while (capacity < group->count + more)
        capacity *= 2;
    if (capacity == group->capacity)
        return 0;
    struct sri_provided *grown = sri_alloc_zero(capacity, sizeof *grown);
    if (grown == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < group->count; i++)
        grown[i] = group->provided[(group->first + i) & (group->capacity - 1)];
    sri_free(group->provided);
    group->provided = grown;
    group->capacity = capacity;
    group->first = 0;
    return 0;
}

static void append(struct sri_group *group, const struct sri_providing *providing, uint32_t index)
{
    struct sri_provided *provided = &group->provided[(group->first + group->count++) & (group->capacity - 1)];
    provided->address = providing->address + (uint64_t)index * providing->length;
    provided->length = providing->length < TRANSFER_MOST ? providing->length : TRANSFER_MOST;
    provided->id = (uint16_t)(providing->first_id + index);
}

/* What no longer fits is left out without a word, unless nothing fits (measured). */
static int32_t provide(struct sri_group *group, const struct sri_providing *providing)
{
    uint32_t room = MOST - group->count;
    uint32_t count = providing->count < room ? providing->count : room;
    if (count == 0)
        return -EOVERFLOW;
    if (grow(group, count) != 0)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        append(group, providing, i);
    return 0;
}

bool sri_issue_provide(struct sri_request *request)
{
    const struct sri_providing *providing = &request->providing;
    struct sri_group *group = sri_group_find(request->ring, providing->group);
    if (group == NULL)
        group = add_group(request->ring, providing->group);
    if (group == NULL)
        request->result = -ENOMEM;
    else
        request->result = group->ring != NULL ? -EINVAL : provide(group, providing);
    return true;
}

static int32_t remove_first(struct sri_group *group, uint32_t count)
{
    if (count > group->count)
        count = group->count;
    group->first += count;
    group->count -= count;
    return (int32_t)count;
}

bool sri_issue_remove(struct sri_request *request)
{
    const struct sri_providing *providing = &request->providing;
    struct sri_group *group = sri_group_find(request->ring, providing->group);
    if (group == NULL)
        request->result = -ENOENT;
    else
        request->result = group->ring != NULL ? -EINVAL : remove_first(group, providing->count);
    return true;
}

/* The memory of a ring of so many entries: the program's, or a region of this kernel's. */
static int find_memory(struct sri_ring *ring, struct sri_group *group, const struct io_uring_buf_reg *reg)
{
    size_t size = reg->ring_entries * sizeof(struct io_uring_buf);
    if (reg->pad & SRI_PBUF_MMAP) {
        group->region = sri_region_new(ring->engine, size);
        if (group->region == NULL)
            return -ENOMEM;
        group->ring = group->region->memory;
        return 0;
    }
    if (reg->ring_addr == 0)
        return -EFAULT;
    if (reg->ring_addr & (PAGE - 1))
        return -EINVAL;
    group->ring = (struct io_uring_buf_ring *)(uintptr_t)reg->ring_addr;
    return sri_user_writable(&ring->engine->user, group->ring, size);
}

/* The flags stand where older headers have padding. */
static int check_ring(const struct io_uring_buf_reg *reg)
{
    if ((reg->resv[0] | reg->resv[1] | reg->resv[2]) != 0 || (reg->pad & ~(SRI_PBUF_MMAP | SRI_PBUF_INC)))
        return -EINVAL;
    uint32_t entries = reg->ring_entries;
    return entries == 0 || (entries & (entries - 1)) != 0 || entries >= IDS ? -EINVAL : 0;
}

static int import_ring(const struct sri_ring *ring, const void *arg, uint32_t count,
                       struct io_uring_buf_reg *reg)
{
    if (arg == NULL || count != 1)
        return -EINVAL;
    struct sri_user *user = &ring->engine->user;
    return sri_user_copy_in(user, reg, arg, sizeof *reg);
}

/* A group of the first kind that holds nothing makes room for a ring. */
int sri_register_pbuf_ring(struct sri_ring *ring, const void *arg, uint32_t count)
{
    struct io_uring_buf_reg reg;
    int error = import_ring(ring, arg, count, &reg);
    if (error == 0)
        error = check_ring(&reg);
    if (error != 0)
        return error;
    struct sri_group *group = sri_group_find(ring, reg.bgid);
    if (group != NULL && (group->ring != NULL || group->count > 0))
        return -EEXIST;
    if (group != NULL)
        remove_group(ring, group);
    group = add_group(ring, reg.bgid);
    if (group == NULL)
        return -ENOMEM;
    error = find_memory(ring, group, &reg);
    if (error != 0) {
        remove_group(ring, group);
        return error;
    }
    group->mask = (uint16_t)(reg.ring_entries - 1);
    group->bit_by_bit = (reg.pad & SRI_PBUF_INC) != 0;
    return 0;
}

int sri_unregister_pbuf_ring(struct sri_ring *ring, const void *arg, uint32_t count)
{
    struct io_uring_buf_reg reg;
    int error = import_ring(ring, arg, count, &reg);
    if (error != 0)
        return error;
    if (reg.pad != 0)
        return -EINVAL;
    struct sri_group *group = sri_group_find(ring, reg.bgid);
    if (group == NULL)
        return -ENOENT;
    if (group->ring == NULL)
        return -EINVAL;
    remove_group(ring, group);
    return 0;
}

int sri_register_pbuf_status(struct sri_ring *ring, void *arg, uint32_t count)
{
    struct {
        uint32_t group;
        uint32_t head;
        uint32_t reserved[8];
    } status;
    struct sri_user *user = &ring->engine->user;
    if (arg == NULL || count != 1)
        return -EINVAL;
    if (sri_user_copy_in(user, &status, arg, sizeof status) != 0)
        return -EFAULT;
    for (uint32_t i = 0; i < 8; i++) {
        if (status.reserved[i] != 0)
            return -EINVAL;
    }
    const struct sri_group *group = sri_group_find(ring, (uint16_t)status.group);
    if (group == NULL)
        return -ENOENT;
    if (group->ring == NULL)
        return -EINVAL;
    status.head = group->head;
    return sri_user_copy_out(user, arg, &status, sizeof status);
}

struct sri_region *sri_group_region(const struct sri_ring *ring, uint64_t offset)
{
    const struct sri_group *group =
        sri_group_find(ring, (uint16_t)((offset - SRI_OFF_PBUF) >> SRI_OFF_PBUF_SHIFT));
    return group == NULL ? NULL : group->region;
}
