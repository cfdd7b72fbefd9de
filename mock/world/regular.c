/*
 * Regular files and directories: reading, writing, and opening by path. Never waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <linux/openat2.h>

#include "world/objects.h"

#define KNOWN_RWF ((uint32_t)(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND))

static int64_t read_file(struct sri_sim_world *world, struct sri_attempt *attempt)
{
    struct sri_file *file = attempt->file;
    bool own = attempt->offset == SRI_OWN_POSITION;
    struct sri_cursor cursor = sri_cursor_at(attempt, world->links.user, 0);
    uint64_t offset = own ? file->position : attempt->offset;
    int64_t result = sri_content_read(&file->inode->content, offset, &cursor);
    if (own && result > 0)
        file->position += (uint64_t)result;
    return result;
}

static int64_t write_file(struct sri_sim_world *world, struct sri_attempt *attempt)
{
    struct sri_file *file = attempt->file;
    struct sri_content *content = &file->inode->content;
    bool own = attempt->offset == SRI_OWN_POSITION;
    bool append = (file->flags & O_APPEND) != 0 || (attempt->flags & RWF_APPEND) != 0;
    struct sri_cursor cursor = sri_cursor_at(attempt, world->links.user, 0);
    uint64_t offset = append ? content->size : own ? file->position : attempt->offset;
    int64_t result = sri_content_write(&world->disk, content, offset, &cursor);
    if (own && result > 0)
        file->position = offset + (uint64_t)result;
    return result;
}

enum sri_answer sri_regular_start(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    bool reads = attempt->work == SRI_WORK_READ;
    uint32_t mode = attempt->file->flags & O_ACCMODE;
    if (mode == (reads ? O_WRONLY : O_RDONLY))
        *result = -EBADF;
    else if (attempt->file->kind == SRI_FILE_DIRECTORY)
        *result = -EISDIR;
    else if ((attempt->flags & ~KNOWN_RWF) != 0)
        *result = -EOPNOTSUPP;
    else if (attempt->offset != SRI_OWN_POSITION && attempt->offset > SRI_FILE_SIZE_MAX)
        *result = -EINVAL;
    else
        *result = reads ? read_file(world, attempt) : write_file(world, attempt);
    return SRI_DONE;
}

static bool writes(uint64_t flags)
{
    return (flags & O_ACCMODE) != O_RDONLY;
}

/* 0 or the reason why open(2) refuses what the path leads to. */
static int check_found(const struct sri_place *place, uint64_t flags)
{
    if ((flags & O_CREAT) != 0 && (flags & O_EXCL) != 0)
        return -EEXIST;
    switch (place->inode->kind) {
    case SRI_INODE_DIRECTORY: return writes(flags) || (flags & O_CREAT) != 0 ? -EISDIR : 0;
    case SRI_INODE_SOCKET: return -ENXIO;
    case SRI_INODE_FILE: return (flags & O_DIRECTORY) != 0 ? -ENOTDIR : 0;
    }
    return 0;
}

static int check_missing(const struct sri_place *place, uint64_t flags)
{
    if ((flags & O_CREAT) == 0)
        return -ENOENT;
    return place->directory ? -EISDIR : 0;
}

static int find(struct sri_sim_world *world, struct sri_inode *from, const char *path, uint64_t flags,
                uint64_t resolve, struct sri_place *place)
{
    if ((flags & O_CREAT) != 0 && (flags & O_DIRECTORY) != 0)
        return -EINVAL;
    if ((resolve & RESOLVE_IN_ROOT) != 0 && path[0] == '/')
        path += strspn(path, "/") - (path[strspn(path, "/")] == 0 ? 1 : 0);
    int rc = sri_tree_walk(&world->tree, from, path, place);
    if (rc != 0)
        return rc;
    if ((resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) != 0 && place->outside)
        return -EXDEV;
    return place->inode == NULL ? check_missing(place, flags) : check_found(place, flags);
}

int sri_open_path(struct sri_sim_world *world, struct sri_inode *from, const char *path, uint64_t flags,
                  uint64_t resolve, bool by_operation)
{
    struct sri_place place;
    int rc = find(world, from, path, flags, resolve, &place);
    if (rc != 0)
        return rc;
    struct sri_file *file = sri_file_new(world, SRI_FILE_REGULAR, (uint32_t)flags);
    if (file == NULL)
        return -ENOMEM;
    int fd = sri_descriptor_make(world, file, by_operation);
    if (fd < 0) {
        sri_stock_give(&world->files, file);
        return fd;
    }
    if (place.inode == NULL)
        place.inode = sri_tree_make(&world->tree, &place, SRI_INODE_FILE);
    else if ((flags & O_TRUNC) != 0 && place.inode->kind == SRI_INODE_FILE)
        sri_content_clear(&world->disk, &place.inode->content);
    if (place.inode == NULL) {
        sri_descriptor_close(world, fd);
        return -ENOMEM;
    }
    file->inode = place.inode;
    if (place.inode->kind == SRI_INODE_DIRECTORY)
        file->kind = SRI_FILE_DIRECTORY;
    return fd;
}

int64_t sri_open_attempt(struct sri_sim_world *world, const struct sri_path *path)
{
    struct sri_inode *from = world->tree.root;
    bool absolute = path->path[0] == '/' && (path->resolve & RESOLVE_IN_ROOT) == 0;
    if (path->directory != AT_FDCWD && !absolute) {
        struct sri_file *directory = sri_file_at(world, path->directory);
        if (directory == NULL)
            return -EBADF;
        if (directory->kind != SRI_FILE_DIRECTORY)
            return -ENOTDIR;
        from = directory->inode;
    }
    return sri_open_path(world, from, path->path, path->flags, path->resolve, true);
}
