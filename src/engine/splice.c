/*
 * Preparation of SPLICE and TEE, which have two files: the second is looked up when they are issued, as the first.
 */
#include <errno.h>
#include <fcntl.h>

#include "engine/steps.h"

#define KNOWN_FLAGS \
    ((uint32_t)(SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT) | SPLICE_F_FD_IN_FIXED)

/* What the world sees, and how to find its file. */
struct source {
    struct sri_splice splice;
    struct sri_resource *registered; /* the one it is, when it is fixed */
    int fd;
    bool fixed;
};

static int prepare(struct sri_request *request, const struct io_uring_sqe *sqe, uint64_t from, uint64_t to)
{
    if ((sqe->splice_flags & ~KNOWN_FLAGS) != 0)
        return -EINVAL;
    struct source *source = sri_arena_acquire(&request->ring->engine->arena, sizeof *source);
    if (source == NULL)
        return -ENOMEM;
    *source = (struct source){.splice = {.offset = from},
                              .fd = sqe->splice_fd_in,
                              .fixed = (sqe->splice_flags & SPLICE_F_FD_IN_FIXED) != 0};
    request->attempt.argument = source;
    request->attempt.flags = sqe->splice_flags & ~SPLICE_F_FD_IN_FIXED;
    request->attempt.offset = to;
    request->attempt.limit = sqe->len;
    request->length = sqe->len;
    return 0;
}

int sri_prepare_splice(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    return prepare(request, sqe, sqe->splice_off_in, sqe->off);
}

int sri_prepare_tee(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    if (sqe->splice_off_in != 0 || sqe->off != 0)
        return -EINVAL;
    return prepare(request, sqe, SRI_OWN_POSITION, SRI_OWN_POSITION);
}

static struct sri_file *registered(const struct sri_ring *ring, struct source *source)
{
    source->registered = sri_resources_at(&ring->files.table, (uint32_t)source->fd);
    if (source->registered == NULL)
        return NULL;
    source->registered->references++;
    return source->registered->file;
}

int sri_admit_splice(struct sri_request *request)
{
    const struct sri_world *world = &request->ring->engine->world;
    struct source *source = request->attempt.argument;
    source->splice.from =
        source->fixed ? registered(request->ring, source) : world->vtable->file_get(world->self, source->fd);
    return source->splice.from == NULL ? -EBADF : 0;
}

void sri_release_splice(struct sri_request *request)
{
    const struct sri_world *world = &request->ring->engine->world;
    const struct source *source = request->attempt.argument;
    if (source->registered != NULL)
        sri_resource_put_behind(source->registered);
    else if (source->splice.from != NULL)
        world->vtable->file_put(world->self, source->splice.from);
}
