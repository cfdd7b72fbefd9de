/*
 * The table of registered files: filled, changed, looked up. What a file is, its world knows.
 */
#include "engine/files.h"

#include <errno.h>

#include "base/alloc.h"
#include "engine/guest.h"
#include "engine/steps.h"

#define FILES_MOST (1u << 20)
#define WORD_BITS 64u

int sri_import_tag(struct sri_engine *engine, const struct sri_import *import, uint32_t index, uint64_t *tag)
{
    *tag = 0;
    return import->tags == 0 ? 0
                             : sri_import_item(engine, import->guest, import->tags, index, tag, sizeof *tag);
}

int sri_files_get(struct sri_engine *engine, uint8_t guest, int fd, struct sri_file **out)
{
    const struct sri_world *world = &engine->world;
    int error;
    if (guest == 0 && world->vtable->ring_of(world->self, fd, &error) != NULL)
        return -EBADF;
    struct sri_file *file = sri_file_get(engine, guest, fd);
    if (file == NULL)
        return -EBADF;
    error = world->vtable->file_keep == NULL ? 0 : world->vtable->file_keep(world->self, file);
    if (error == 0)
        *out = file;
    else
        world->vtable->file_put(world->self, file);
    return error;
}

static void mark_taken(struct sri_files *files, uint32_t index, bool taken)
{
    uint64_t bit = UINT64_C(1) << (index % WORD_BITS);
    if (taken) {
        files->taken[index / WORD_BITS] |= bit;
        files->hint = index + 1;
    } else {
        files->taken[index / WORD_BITS] &= ~bit;
        files->hint = index;
    }
}

bool sri_files_empty(struct sri_ring *ring, uint32_t index)
{
    if (ring->files.table.slots[index] == NULL)
        return false;
    mark_taken(&ring->files, index, false);
    return sri_resources_clear(&ring->files.table, index);
}

int sri_files_put_in(struct sri_ring *ring, uint32_t index, struct sri_file *file, uint64_t tag)
{
    struct sri_resource *resource = sri_resource_new(ring, tag, true);
    if (resource == NULL) {
        ring->engine->world.vtable->file_put(ring->engine->world.self, file);
        return -ENOMEM;
    }
    resource->file = file;
    bool replaces = sri_resources_clear(&ring->files.table, index);
    ring->files.table.slots[index] = resource;
    if (!replaces)
        mark_taken(&ring->files, index, true);
    return 0;
}

static int make_table(struct sri_files *files, uint32_t count)
{
    files->taken = sri_alloc_zero((count + WORD_BITS - 1) / WORD_BITS, sizeof *files->taken);
    if (files->taken == NULL || sri_resources_init(&files->table, count) != 0) {
        sri_free(files->taken);
        return -ENOMEM;
    }
    return 0;
}

static int fill_slot(struct sri_ring *ring, const struct sri_import *import, uint32_t index)
{
    uint64_t tag;
    int32_t fd = -1;
    int error = sri_import_tag(ring->engine, import, index, &tag);
    if (error == 0 && import->items != 0)
        error = sri_import_item(ring->engine, import->guest, import->items, index, &fd, sizeof fd);
    if (error != 0)
        return error;
    if (fd == -1)
        return tag != 0 ? -EINVAL : 0;
    struct sri_file *file;
    error = sri_files_get(ring->engine, import->guest, fd, &file);
    return error != 0 ? error : sri_files_put_in(ring, index, file, tag);
}

static uint32_t most_files(const struct sri_engine *engine)
{
    const struct sri_world *world = &engine->world;
    uint32_t limit = FILES_MOST;
    if (world->vtable->descriptor_limit != NULL)
        limit = world->vtable->descriptor_limit(world->self);
    return limit < FILES_MOST ? limit : FILES_MOST;
}

int sri_files_register(struct sri_ring *ring, const struct sri_import *import)
{
    struct sri_files *files = &ring->files;
    if (files->table.count != 0)
        return -EBUSY;
    if (import->count == 0)
        return -EINVAL;
    if (import->count > most_files(ring->engine))
        return -EMFILE;
    int error = make_table(files, import->count);
    if (error != 0)
        return error;
    for (uint32_t i = 0; i < import->count && error == 0; i++)
        error = fill_slot(ring, import, i);
    if (error != 0) {
        sri_resources_silence(&files->table);
        sri_files_drop(ring);
        return error;
    }
    files->begin = files->hint = 0;
    files->end = import->count;
    return 0;
}

void sri_files_drop(struct sri_ring *ring)
{
    struct sri_files *files = &ring->files;
    sri_resources_clean_up(&files->table);
    sri_free(files->taken);
    files->taken = NULL;
}

int sri_files_unregister(struct sri_ring *ring)
{
    if (ring->files.table.count == 0)
        return -ENXIO;
    sri_files_drop(ring);
    return 0;
}

/* A slot is emptied before its new file is looked up: a bad descriptor leaves it empty (measured). */
static int update_slot(struct sri_ring *ring, const struct sri_import *import, uint32_t i)
{
    uint64_t tag;
    int32_t fd;
    int error = sri_import_tag(ring->engine, import, i, &tag);
    if (error == 0)
        error = sri_import_item(ring->engine, import->guest, import->items, i, &fd, sizeof fd);
    if (error != 0)
        return error;
    if ((fd == IORING_REGISTER_FILES_SKIP || fd == -1) && tag != 0)
        return -EINVAL;
    if (fd == IORING_REGISTER_FILES_SKIP)
        return 0;
    sri_files_empty(ring, import->offset + i);
    if (fd == -1)
        return 0;
    struct sri_file *file;
    error = sri_files_get(ring->engine, import->guest, fd, &file);
    return error != 0 ? error : sri_files_put_in(ring, import->offset + i, file, tag);
}

int sri_files_update(struct sri_ring *ring, const struct sri_import *import)
{
    uint32_t end;
    if (__builtin_add_overflow(import->offset, import->count, &end))
        return -EOVERFLOW;
    if (ring->files.table.count == 0)
        return -ENXIO;
    if (end > ring->files.table.count)
        return -EINVAL;
    for (uint32_t i = 0; i < import->count; i++) {
        int error = update_slot(ring, import, i);
        if (error != 0)
            return i > 0 ? (int)i : error;
    }
    return (int)import->count;
}

int sri_files_set_range(struct sri_ring *ring, const void *arg, uint32_t count)
{
    struct io_uring_file_index_range range;
    uint32_t end;
    if (arg == NULL || count != 0)
        return -EINVAL;
    if (sri_user_copy_in(sri_door(ring->engine), &range, arg, sizeof range) != 0)
        return -EFAULT;
    if (__builtin_add_overflow(range.off, range.len, &end))
        return -EOVERFLOW;
    if (range.resv != 0 || end > ring->files.table.count)
        return -EINVAL;
    ring->files.begin = ring->files.hint = range.off;
    ring->files.end = end;
    return 0;
}

int sri_files_use(struct sri_request *request)
{
    struct sri_resource *resource = sri_resources_at(&request->ring->files.table, (uint32_t)request->fd);
    if (resource == NULL)
        return -EBADF;
    resource->references++;
    request->file_node = resource->number;
    request->attempt.file = resource->file;
    return 0;
}

struct sri_file *sri_files_at(const struct sri_ring *ring, uint32_t index)
{
    const struct sri_resource *resource = sri_resources_at(&ring->files.table, index);
    return resource == NULL ? NULL : resource->file;
}
