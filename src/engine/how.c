/*
 * How a file is to be opened: what openat(2) ignores, what openat2(2) refuses, and the structure that may grow.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <linux/openat2.h>

#include "engine/guest.h"
#include "engine/steps.h"

#define LARGEFILE 0100000u /* glibc says 0 where it goes without saying */
/* glibc's O_TMPFILE and __O_TMPFILE hold O_DIRECTORY too. */
#define NAMELESS (O_TMPFILE & ~O_DIRECTORY)
#define MODE_BITS 07777u
#define HOW_SIZE_MOST 4096u
#define PATH_FLAGS ((uint64_t)(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC))
#define KNOWN_FLAGS                                                                                          \
    ((uint64_t)(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC |         \
                O_ASYNC | O_DIRECT | LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | \
                NAMELESS))
#define KNOWN_RESOLVE                                                                             \
    ((uint64_t)(RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | \
                RESOLVE_IN_ROOT | RESOLVE_CACHED))

static bool creates(uint64_t flags)
{
    return (flags & (O_CREAT | NAMELESS)) != 0;
}

struct open_how sri_how_of(uint32_t flags, uint32_t mode)
{
    struct open_how how = {.flags = flags & KNOWN_FLAGS};
    if (how.flags & O_PATH)
        how.flags &= PATH_FLAGS;
    if (creates(how.flags))
        how.mode = mode & MODE_BITS;
    return how;
}

/* What a later kernel's structure has more must be 0. */
static int check_rest(struct sri_user *user, uint64_t address, size_t size)
{
    char bytes[256];
    while (size > 0) {
        size_t n = size < sizeof bytes ? size : sizeof bytes;
        if (sri_user_copy_in(user, bytes, (const void *)(uintptr_t)address, n) != 0)
            return -EFAULT;
        for (size_t i = 0; i < n; i++)
            if (bytes[i] != 0)
                return -E2BIG;
        address += n;
        size -= n;
    }
    return 0;
}

int sri_import_how(struct sri_request *request, uint64_t address, uint32_t size, struct open_how *how)
{
    struct sri_user *user = sri_door_of(request);
    if (size < sizeof *how)
        return -EINVAL;
    if (size > HOW_SIZE_MOST)
        return -E2BIG;
    int error = check_rest(user, address + sizeof *how, size - sizeof *how);
    if (error != 0)
        return error;
    return sri_user_copy_in(user, how, (const void *)(uintptr_t)address, sizeof *how);
}

static int check_resolve(const struct open_how *how)
{
    const uint64_t both = RESOLVE_BENEATH | RESOLVE_IN_ROOT;
    if (how->resolve & ~KNOWN_RESOLVE)
        return -EINVAL;
    return (how->resolve & both) == both ? -EINVAL : 0;
}

/* Told when it is issued. */
int sri_check_how(const struct open_how *how)
{
    uint64_t flags = how->flags;
    if ((flags & ~KNOWN_FLAGS) != 0 || check_resolve(how) != 0)
        return -EINVAL;
    if ((how->mode & ~(uint64_t)(creates(flags) ? MODE_BITS : 0)) != 0)
        return -EINVAL;
    if ((flags & O_CREAT) != 0 && (flags & O_DIRECTORY) != 0)
        return -EINVAL;
    if ((flags & NAMELESS) != 0 && ((flags & O_DIRECTORY) == 0 || (flags & O_ACCMODE) == O_RDONLY))
        return -EINVAL;
    if ((flags & O_PATH) != 0 && (flags & ~PATH_FLAGS) != 0)
        return -EINVAL;
    bool cached = (how->resolve & RESOLVE_CACHED) != 0;
    return cached && (creates(flags) || (flags & O_TRUNC) != 0) ? -EAGAIN : 0;
}

bool sri_makes_a_file(uint64_t flags)
{
    return creates(flags) || (flags & O_TRUNC) != 0;
}
