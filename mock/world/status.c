/*
 * What objects tell of themselves: statx and extended attributes; and advice about the program's memory, which is only
 * checked.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "world/objects.h"

#define SECOND_NS UINT64_C(1000000000)
#define DEVICE_MINOR 1u
#define KNOWN_FLAGS ((uint32_t)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))

static struct statx_timestamp time_of(uint64_t ns)
{
    return (struct statx_timestamp){.tv_sec = (int64_t)(ns / SECOND_NS),
                                    .tv_nsec = (uint32_t)(ns % SECOND_NS)};
}

static uint16_t type_of(const struct sri_inode *inode)
{
    switch (inode->kind) {
    case SRI_INODE_DIRECTORY: return S_IFDIR;
    case SRI_INODE_SOCKET: return S_IFSOCK;
    case SRI_INODE_SYMLINK: return S_IFLNK;
    case SRI_INODE_FILE: break;
    }
    return S_IFREG;
}

static void fill_from_inode(struct statx *status, const struct sri_inode *inode)
{
    bool is_directory = inode->kind == SRI_INODE_DIRECTORY;
    status->stx_mask = STATX_BASIC_STATS | STATX_BTIME;
    status->stx_mode = (uint16_t)(type_of(inode) | inode->mode);
    status->stx_nlink = is_directory && inode->links > 0 ? 2 + inode->directory_count : inode->links;
    status->stx_ino = inode->number;
    status->stx_size = is_directory ? SRI_PAGE_SIZE : inode->content.size;
    status->stx_blocks = is_directory ? 8 : inode->content.page_count * 8;
    status->stx_atime = time_of(inode->times.access_ns);
    status->stx_btime = time_of(inode->times.birth_ns);
    status->stx_ctime = time_of(inode->times.change_ns);
    status->stx_mtime = time_of(inode->times.modify_ns);
}

static void fill_from_file(struct statx *status, const struct sri_file *file)
{
    status->stx_mask = STATX_BASIC_STATS;
    status->stx_nlink = 1;
    bool is_pipe = file->kind == SRI_FILE_PIPE_READ || file->kind == SRI_FILE_PIPE_WRITE;
    status->stx_mode = is_pipe ? S_IFIFO | 0600 : file->kind == SRI_FILE_SOCKET ? S_IFSOCK | 0777 : 0600;
}

static int fill(struct sri_sim_world *world, struct sri_status *status)
{
    struct statx *to = &status->status;
    if (status->path[0] == 0 && status->directory != AT_FDCWD) {
        const struct sri_file *file = sri_file_at(world, status->directory);
        if (file == NULL)
            return -EBADF;
        if (file->inode != NULL)
            fill_from_inode(to, file->inode);
        else
            fill_from_file(to, file);
        return 0;
    }
    struct sri_way way = {.follow = (status->flags & AT_SYMLINK_NOFOLLOW) != 0 ? SRI_NO_FOLLOW : SRI_FOLLOW};
    struct sri_place place = {.inode = world->tree.root};
    int rc = sri_open_from(world, status->directory, status->path, 0, &way.from);
    if (rc == 0 && status->path[0] != 0)
        rc = sri_tree_find(&world->tree, &way, status->path, &place);
    if (rc == 0 && place.inode == NULL)
        rc = -ENOENT;
    if (rc == 0)
        fill_from_inode(to, place.inode);
    return rc;
}

int64_t sri_status_attempt(struct sri_sim_world *world, struct sri_status *status)
{
    if ((status->mask & STATX__RESERVED) != 0 || (status->flags & ~KNOWN_FLAGS) != 0)
        return -EINVAL;
    if ((status->flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
        return -EINVAL;
    int rc = fill(world, status);
    status->status.stx_blksize = SRI_PAGE_SIZE;
    status->status.stx_dev_minor = DEVICE_MINOR;
    return rc;
}

/* ---- extended attributes ---- */

static int find_inode(struct sri_sim_world *world, const struct sri_attempt *attempt,
                      struct sri_inode **inode)
{
    const struct sri_xattr *xattr = attempt->argument;
    struct sri_place place;
    if (xattr->path == NULL) {
        *inode = attempt->file->inode;
        return *inode == NULL ? -EOPNOTSUPP : 0;
    }
    int rc = sri_tree_walk(&world->tree, NULL, xattr->path, &place);
    if (rc != 0)
        return rc;
    *inode = place.inode;
    return *inode == NULL ? -ENOENT : 0;
}

int64_t sri_xattr_attempt(struct sri_sim_world *world, const struct sri_attempt *attempt)
{
    struct sri_xattr *xattr = attempt->argument;
    struct sri_inode *inode;
    int rc = find_inode(world, attempt, &inode);
    if (rc != 0)
        return rc;
    if (attempt->work == SRI_WORK_GET_XATTR)
        return sri_attribute_get(inode, xattr->name, xattr->value, xattr->size);
    return sri_attribute_set(&world->tree, inode, xattr->name, xattr->value, xattr->size, xattr->flags);
}

/* ---- memory ---- */

/* Advice that may be forgotten is; advice that changes what memory holds is unknown here. */
static bool is_hint(uint32_t advice)
{
    return advice == MADV_NORMAL || advice == MADV_RANDOM || advice == MADV_SEQUENTIAL ||
           advice == MADV_WILLNEED || advice == MADV_COLD || advice == MADV_PAGEOUT;
}

int64_t sri_advise_attempt(struct sri_sim_world *world, const struct sri_attempt *attempt)
{
    const struct sri_memory *memory = attempt->argument;
    if (!is_hint(attempt->flags) || (uintptr_t)memory->begin % SRI_PAGE_SIZE != 0)
        return -EINVAL;
    if (memory->length > SIZE_MAX - SRI_PAGE_SIZE - (uintptr_t)memory->begin)
        return -EINVAL;
    if (memory->length == 0)
        return 0;
    return sri_user_readable(world->links.user, memory->begin, memory->length) == 0 ? 0 : -ENOMEM;
}
