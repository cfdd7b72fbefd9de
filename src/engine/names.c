/*
 * Preparation of what changes names: renameat, unlinkat, mkdirat, symlinkat, linkat. The checks are the true kernel's; what
 * only the world can tell is left to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "engine/guest.h"
#include "engine/steps.h"

/* A path of the program's, into PATH_MAX bytes: its length, -EFAULT, -ENAMETOOLONG, or -ENOENT where it may not be empty. */
int sri_import_path(struct sri_request *request, uint64_t address, bool may_be_empty, char *text)
{
    struct sri_user *user = sri_door_of(request);
    int length = sri_user_copy_string(user, text, (const char *)(uintptr_t)address, PATH_MAX);
    return length == 0 && !may_be_empty ? -ENOENT : length;
}

/* No opcode of this kind has a meaning for these. */
static int check_rest(const struct io_uring_sqe *sqe)
{
    if (sqe->buf_index != 0 || sqe->splice_fd_in != 0)
        return -EINVAL;
    return sqe->flags & IOSQE_FIXED_FILE ? -EBADF : 0;
}

/* Room for names of these lengths, with `plan`'s numbers. */
static int keep(struct sri_request *request, const struct sri_names *plan, const char *from, int from_length,
                const char *to, int to_length)
{
    size_t first = (size_t)from_length + 1;
    size_t second = to == NULL ? 0 : (size_t)to_length + 1;
    struct sri_names *names =
        sri_arena_acquire(&request->ring->engine->arena, sizeof *names + first + second);
    if (names == NULL)
        return -ENOMEM;
    *names = *plan;
    memcpy(names->text, from, first);
    names->from = names->text;
    names->to = NULL;
    if (to != NULL)
        names->to = memcpy(names->text + first, to, second);
    request->attempt.argument = names;
    return 0;
}

static int import_one(struct sri_request *request, const struct io_uring_sqe *sqe,
                      const struct sri_names *plan)
{
    char text[PATH_MAX];
    int length = sri_import_path(request, sqe->addr, false, text);
    return length < 0 ? length : keep(request, plan, text, length, NULL, 0);
}

static int import_two(struct sri_request *request, const struct io_uring_sqe *sqe,
                      const struct sri_names *plan, bool first_may_be_empty)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    int from_length = sri_import_path(request, sqe->addr, first_may_be_empty, from);
    if (from_length < 0)
        return from_length;
    int to_length = sri_import_path(request, sqe->addr2, false, to);
    if (to_length < 0)
        return to_length;
    return keep(request, plan, from, from_length, to, to_length);
}

int sri_prepare_renameat(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    struct sri_names plan = {.from_directory = sqe->fd,
                             .to_directory = (int)sqe->len,
                             .flags = sqe->rename_flags};
    int error = check_rest(sqe);
    return error != 0 ? error : import_two(request, sqe, &plan, false);
}

int sri_prepare_unlinkat(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    struct sri_names plan = {.from_directory = sqe->fd, .flags = sqe->unlink_flags};
    if (sqe->off != 0 || sqe->len != 0)
        return -EINVAL;
    int error = check_rest(sqe);
    if (error == 0 && (plan.flags & ~(uint32_t)AT_REMOVEDIR) != 0)
        error = -EINVAL;
    return error != 0 ? error : import_one(request, sqe, &plan);
}

int sri_prepare_mkdirat(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    struct sri_names plan = {.from_directory = sqe->fd, .mode = sqe->len};
    if (sqe->off != 0 || sqe->rw_flags != 0)
        return -EINVAL;
    int error = check_rest(sqe);
    return error != 0 ? error : import_one(request, sqe, &plan);
}

int sri_prepare_symlinkat(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    struct sri_names plan = {.to_directory = sqe->fd};
    if (sqe->len != 0 || sqe->rw_flags != 0)
        return -EINVAL;
    int error = check_rest(sqe);
    return error != 0 ? error : import_two(request, sqe, &plan, false);
}

int sri_prepare_linkat(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    struct sri_names plan = {.from_directory = sqe->fd,
                             .to_directory = (int)sqe->len,
                             .flags = sqe->hardlink_flags};
    int error = check_rest(sqe);
    return error != 0 ? error : import_two(request, sqe, &plan, (plan.flags & AT_EMPTY_PATH) != 0);
}
