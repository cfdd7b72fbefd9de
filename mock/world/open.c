/*
 * Opening by path, as openat2(2): what is found or made, and what is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <linux/openat2.h>

#include "world/objects.h"

/* O_TMPFILE holds O_DIRECTORY too. */
#define NAMELESS (O_TMPFILE & ~O_DIRECTORY)

static bool writes(uint64_t flags)
{
    return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0;
}

static int check_symlink(uint64_t flags)
{
    if ((flags & O_PATH) != 0)
        return (flags & O_DIRECTORY) != 0 ? -ENOTDIR : 0;
    return (flags & O_DIRECTORY) != 0 ? -ENOTDIR : -ELOOP;
}

/* 0 or the reason why open(2) refuses what the path leads to. */
static int check_found(const struct sri_place *place, uint64_t flags)
{
    bool creates = (flags & O_CREAT) != 0;
    if (creates && (flags & O_EXCL) != 0)
        return -EEXIST;
    bool is_directory = place->inode->kind == SRI_INODE_DIRECTORY;
    if ((flags & O_DIRECTORY) != 0 && !is_directory)
        return -ENOTDIR;
    switch (place->inode->kind) {
    case SRI_INODE_DIRECTORY: return creates || writes(flags) ? -EISDIR : 0;
    case SRI_INODE_SYMLINK: return check_symlink(flags);
    case SRI_INODE_SOCKET: return (flags & O_PATH) != 0 ? 0 : -ENXIO;
    case SRI_INODE_FILE: break;
    }
    return 0;
}

static int check_missing(const struct sri_place *place, uint64_t flags)
{
    if ((flags & O_CREAT) == 0)
        return -ENOENT;
    return place->parent->links == 0 ? -ENOENT : 0;
}

/* A file without a name, in the directory the path leads to. */
static int make_nameless(struct sri_tree *tree, const struct sri_opening *how, struct sri_place *place)
{
    if (place->inode == NULL)
        return -ENOENT;
    if (place->inode->kind != SRI_INODE_DIRECTORY)
        return -ENOTDIR;
    place->inode = sri_inode_new(tree, SRI_INODE_FILE, (uint32_t)how->mode & ~SRI_UMASK);
    if (place->inode == NULL)
        return -ENOMEM;
    place->inode->linkable = (how->flags & O_EXCL) == 0;
    return 0;
}

static int make_named(struct sri_tree *tree, const struct sri_opening *how, struct sri_place *place)
{
    place->inode = sri_tree_make(tree, place, SRI_INODE_FILE);
    if (place->inode == NULL)
        return -ENOMEM;
    place->inode->mode = (uint32_t)how->mode & ~SRI_UMASK;
    return 0;
}

static int cut(struct sri_sim_world *world, struct sri_inode *inode)
{
    sri_inode_touch(&world->tree, inode);
    return sri_content_truncate(&world->disk, &inode->content, 0);
}

/* What is opened, found or made. */
static int obtain(struct sri_sim_world *world, const struct sri_opening *how, struct sri_place *place)
{
    if ((how->flags & NAMELESS) != 0)
        return make_nameless(&world->tree, how, place);
    int rc = place->inode == NULL ? check_missing(place, how->flags) : check_found(place, how->flags);
    if (rc != 0)
        return rc;
    if (place->inode == NULL)
        return make_named(&world->tree, how, place);
    return (how->flags & O_TRUNC) != 0 ? cut(world, place->inode) : 0;
}

static int find(struct sri_sim_world *world, const struct sri_opening *how, const char *path,
                struct sri_place *place)
{
    bool itself =
        (how->flags & O_NOFOLLOW) != 0 || ((how->flags & O_CREAT) != 0 && (how->flags & O_EXCL) != 0);
    struct sri_way way = {.from = how->from,
                          .resolve = how->resolve,
                          .follow = itself ? SRI_NO_FOLLOW : SRI_FOLLOW,
                          .creates = (how->flags & O_CREAT) != 0};
    return sri_tree_find(&world->tree, &way, path, place);
}

int sri_open_path(struct sri_sim_world *world, const struct sri_opening *how, const char *path)
{
    struct sri_place place;
    struct sri_file *file = sri_file_new(world, SRI_FILE_REGULAR, (uint32_t)how->flags);
    if (file == NULL)
        return -ENOMEM;
    int fd = sri_descriptor_make(world, file, how->by_operation);
    if (fd < 0) {
        sri_stock_give(&world->files, file);
        return fd;
    }
    int rc = find(world, how, path, &place);
    if (rc == 0)
        rc = obtain(world, how, &place);
    if (rc != 0) {
        sri_descriptor_close(world, fd);
        return rc;
    }
    file->inode = place.inode;
    sri_inode_hold(file->inode);
    if (place.inode->kind == SRI_INODE_DIRECTORY)
        file->kind = SRI_FILE_DIRECTORY;
    return fd;
}

int sri_open_from(struct sri_sim_world *world, int directory, const char *path, uint64_t resolve,
                  struct sri_inode **from)
{
    *from = world->tree.root;
    bool absolute = path[0] == '/' && (resolve & RESOLVE_IN_ROOT) == 0;
    if (directory == AT_FDCWD || absolute)
        return 0;
    struct sri_file *file = sri_file_at(world, directory);
    if (file == NULL)
        return -EBADF;
    if (file->kind != SRI_FILE_DIRECTORY)
        return -ENOTDIR;
    *from = file->inode;
    return 0;
}

int64_t sri_open_attempt(struct sri_sim_world *world, const struct sri_path *path)
{
    struct sri_opening how = {.flags = path->flags,
                              .mode = path->mode,
                              .resolve = path->resolve,
                              .by_operation = true};
    int rc = sri_open_from(world, path->directory, path->path, path->resolve, &how.from);
    return rc != 0 ? rc : sri_open_path(world, &how, path->path);
}
