/*
 * Direct descriptors: files that were opened into the table and have no number of the program's.
 */
#include <errno.h>

#include "engine/files.h"
#include "engine/steps.h"

#define WORD_BITS 64u

/* The first free slot in [begin, end), or `end`. */
static uint32_t find_free(const struct sri_files *files, uint32_t begin, uint32_t end)
{
    while (begin < end) {
        uint64_t free = ~files->taken[begin / WORD_BITS] >> (begin % WORD_BITS);
        if (free != 0) {
            begin += (uint32_t)__builtin_ctzll(free);
            break;
        }
        begin += WORD_BITS - begin % WORD_BITS;
    }
    return begin < end ? begin : end;
}

/* From the hint to the end of the range, then from its beginning to the hint, where there is any in it. */
static int choose_slot(struct sri_files *files, uint32_t *slot)
{
    uint32_t end = files->end;
    if (files->table.count == 0)
        return -ENFILE;
    if (files->hint < files->begin || files->hint >= end)
        files->hint = files->begin;
    *slot = find_free(files, files->hint, end);
    if (*slot >= end && files->hint != files->begin) {
        end = files->hint;
        files->hint = files->begin;
        *slot = find_free(files, files->hint, end);
    }
    return *slot < end ? 0 : -ENFILE;
}

static int slot_for(struct sri_files *files, uint32_t file_slot, uint32_t *slot)
{
    if (file_slot == IORING_FILE_INDEX_ALLOC)
        return choose_slot(files, slot);
    *slot = file_slot - 1;
    if (files->table.count == 0)
        return -ENXIO;
    return *slot < files->table.count ? 0 : -EINVAL;
}

int sri_files_install(struct sri_ring *ring, struct sri_file *file, uint32_t file_slot)
{
    uint32_t slot;
    int error = slot_for(&ring->files, file_slot, &slot);
    if (error != 0) {
        ring->engine->world.vtable->file_put(ring->engine->world.self, file);
        return error;
    }
    error = sri_files_put_in(ring, slot, file, 0);
    if (error != 0)
        return error;
    return file_slot == IORING_FILE_INDEX_ALLOC ? (int)slot : 0;
}

/* The object behind a number that is given up; NULL and *error. */
static struct sri_file *take_over(const struct sri_world *world, int fd, int *error)
{
    struct sri_file *file = world->vtable->file_get(world->self, fd);
    *error = file == NULL ? -ENOMEM : 0;
    if (file != NULL && world->vtable->file_keep != NULL)
        *error = world->vtable->file_keep(world->self, file);
    (void)world->vtable->close(world->self, fd);
    if (*error == 0)
        return file;
    if (file != NULL)
        world->vtable->file_put(world->self, file);
    return NULL;
}

void sri_files_take_result(struct sri_request *request)
{
    struct sri_ring *ring = request->ring;
    if (request->result < 0)
        return;
    int error;
    struct sri_file *file = take_over(&ring->engine->world, request->result, &error);
    request->result = file == NULL ? error : sri_files_install(ring, file, request->file_slot);
}

int sri_files_close(struct sri_ring *ring, uint32_t file_slot)
{
    const struct sri_resources *table = &ring->files.table;
    if (table->count == 0)
        return -ENXIO;
    if (file_slot - 1 >= table->count)
        return -EINVAL;
    return sri_files_empty(ring, file_slot - 1) ? 0 : -EBADF;
}
