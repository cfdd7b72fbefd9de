/*
 * Descriptors and the open file descriptions behind them: numbers, counts, and the end of what has no reference left.
 */
#include <errno.h>
#include <string.h>

#include "base/contradiction.h"
#include "world/objects.h"

struct sri_file *sri_file_new(struct sri_sim_world *world, enum sri_file_kind kind, uint32_t flags)
{
    struct sri_file *file = sri_stock_take(&world->files);
    if (file == NULL)
        return NULL;
    memset(file, 0, sizeof *file);
    file->kind = kind;
    file->flags = flags;
    sri_list_init(&file->watchers);
    sri_list_init(&file->interests);
    sri_list_init(&file->signalled);
    return file;
}

struct sri_file *sri_file_at(struct sri_sim_world *world, int fd)
{
    if (fd < 0 || fd >= world->highest)
        return NULL;
    return world->slots[fd].file;
}

void sri_file_hold(struct sri_file *file)
{
    file->references++;
}

static void end(struct sri_sim_world *world, struct sri_file *file)
{
    switch (file->kind) {
    case SRI_FILE_PIPE_READ:
    case SRI_FILE_PIPE_WRITE: sri_pipe_end(world, file); break;
    case SRI_FILE_SOCKET: sri_socket_end(world, file->socket); break;
    case SRI_FILE_REGULAR:
    case SRI_FILE_DIRECTORY:
        if (file->inode != NULL)
            sri_inode_drop(&world->tree, file->inode);
        break;
    case SRI_FILE_EVENTFD:
    case SRI_FILE_EPOLL:
    case SRI_FILE_RING: break;
    }
    sri_interest_end(world, file);
}

/* Others see the end of a pipe or a socket. */
static bool ends_later(const struct sri_sim_world *world, struct sri_file *file)
{
    bool seen = file->kind == SRI_FILE_PIPE_READ || file->kind == SRI_FILE_PIPE_WRITE ||
                file->kind == SRI_FILE_SOCKET;
    return seen && world->links.part != NULL && world->links.part(world->links.self, file);
}

void sri_file_end(struct sri_sim_world *world, struct sri_file *file)
{
    end(world, file);
    sri_stock_give(&world->files, file);
}

void sri_file_drop(struct sri_sim_world *world, struct sri_file *file)
{
    SRI_REQUIRE(file->references > 0);
    if (--file->references > 0)
        return;
    SRI_REQUIRE(file->waiting.first == NULL);
    if (!ends_later(world, file))
        sri_file_end(world, file);
}

int sri_descriptor_make(struct sri_sim_world *world, struct sri_file *file, bool by_operation)
{
    int limit = (int)world->options.max_descriptors;
    int fd = world->lowest;
    while (fd < limit && world->slots[fd].file != NULL)
        fd++;
    world->lowest = fd;
    if (fd >= limit)
        return -EMFILE;
    world->slots[fd] = (struct sri_slot){.file = file, .by_operation = by_operation};
    world->lowest = fd + 1;
    if (fd >= world->highest)
        world->highest = fd + 1;
    sri_file_hold(file);
    return fd;
}

int sri_descriptor_close(struct sri_sim_world *world, int fd)
{
    struct sri_file *file = sri_file_at(world, fd);
    if (file == NULL)
        return -EBADF;
    world->slots[fd].file = NULL;
    if (fd < world->lowest)
        world->lowest = fd;
    while (world->highest > SRI_FIRST_FD && world->slots[world->highest - 1].file == NULL)
        world->highest--;
    sri_file_drop(world, file);
    return 0;
}

int sri_sim_world_next_descriptor(const struct sri_sim_world *world, int after, bool *by_operation)
{
    for (int fd = after < SRI_FIRST_FD ? SRI_FIRST_FD : after + 1; fd < world->highest; fd++) {
        const struct sri_slot *slot = &world->slots[fd];
        if (slot->file == NULL || slot->file->kind == SRI_FILE_RING)
            continue;
        *by_operation = slot->by_operation;
        return fd;
    }
    return -1;
}
