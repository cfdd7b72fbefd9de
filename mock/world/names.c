/*
 * What changes names: rename, unlink, mkdir, symlink, link. Errors in the order Linux finds them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "world/objects.h"

/* Where a name is or would be, no symbolic link at the end followed. */
static int find_name(struct sri_sim_world *world, int directory, const char *path, struct sri_place *place)
{
    struct sri_way way = {.follow = SRI_NAME_ONLY};
    int rc = sri_open_from(world, directory, path, 0, &way.from);
    return rc != 0 ? rc : sri_tree_find(&world->tree, &way, path, place);
}

/* A place for a new name. */
static int find_free(struct sri_sim_world *world, int directory, const char *path, bool for_directory,
                     struct sri_place *place)
{
    int rc = find_name(world, directory, path, place);
    if (rc != 0)
        return rc;
    if (place->last != SRI_LAST_NAME || place->inode != NULL)
        return -EEXIST;
    return (place->directory && !for_directory) || place->parent->links == 0 ? -ENOENT : 0;
}

static int64_t make_directory(struct sri_sim_world *world, const struct sri_names *names)
{
    struct sri_place place;
    int rc = find_free(world, names->from_directory, names->from, true, &place);
    if (rc != 0)
        return rc;
    struct sri_inode *inode = sri_tree_make(&world->tree, &place, SRI_INODE_DIRECTORY);
    if (inode == NULL)
        return -ENOMEM;
    inode->mode = names->mode & 01777u & ~SRI_UMASK;
    return 0;
}

static int64_t make_symlink(struct sri_sim_world *world, const struct sri_names *names)
{
    struct sri_place place;
    int rc = find_free(world, names->to_directory, names->to, false, &place);
    if (rc != 0)
        return rc;
    char *target = sri_stock_take(&world->disk.blocks);
    if (target == NULL)
        return -ENOMEM;
    struct sri_inode *inode = sri_tree_make(&world->tree, &place, SRI_INODE_SYMLINK);
    if (inode == NULL) {
        sri_stock_give(&world->disk.blocks, target);
        return -ENOMEM;
    }
    (void)sri_format(target, SRI_PAGE_SIZE, "%s", names->from);
    inode->mode = 0777;
    inode->target = target;
    inode->content.size = strlen(target);
    return 0;
}

/* What a new link is to. */
static int find_old(struct sri_sim_world *world, const struct sri_names *names, struct sri_inode **inode)
{
    bool follow = (names->flags & AT_SYMLINK_FOLLOW) != 0;
    struct sri_way way = {.follow = follow ? SRI_FOLLOW : SRI_NO_FOLLOW};
    struct sri_place place;
    if (names->from[0] == 0 && names->from_directory != AT_FDCWD) {
        const struct sri_file *file = sri_file_at(world, names->from_directory);
        *inode = file == NULL ? NULL : file->inode;
        return file == NULL ? -EBADF : *inode == NULL ? -EXDEV : 0;
    }
    if (names->from[0] == 0) {
        *inode = world->tree.root;
        return 0;
    }
    int rc = sri_open_from(world, names->from_directory, names->from, 0, &way.from);
    if (rc == 0)
        rc = sri_tree_find(&world->tree, &way, names->from, &place);
    if (rc != 0)
        return rc;
    *inode = place.inode;
    return place.inode == NULL ? -ENOENT : 0;
}

static int64_t make_link(struct sri_sim_world *world, const struct sri_names *names)
{
    struct sri_inode *inode;
    struct sri_place place;
    if ((names->flags & ~(uint32_t)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) != 0)
        return -EINVAL;
    int rc = find_old(world, names, &inode);
    if (rc == 0)
        rc = find_free(world, names->to_directory, names->to, false, &place);
    if (rc != 0)
        return rc;
    if (inode->kind == SRI_INODE_DIRECTORY)
        return -EPERM;
    if (inode->links == 0 && !inode->linkable)
        return -ENOENT;
    struct sri_entry *entry = sri_entry_obtain(&world->tree, place.parent, place.name);
    if (entry == NULL)
        return -ENOMEM;
    sri_entry_set(&world->tree, entry, inode);
    return 0;
}

static int check_rmdir(const struct sri_place *place)
{
    switch (place->last) {
    case SRI_LAST_DOTDOT: return -ENOTEMPTY;
    case SRI_LAST_DOT: return -EINVAL;
    case SRI_LAST_ROOT: return -EBUSY;
    case SRI_LAST_NAME: break;
    }
    if (place->inode == NULL)
        return -ENOENT;
    if (place->inode->kind != SRI_INODE_DIRECTORY)
        return -ENOTDIR;
    return place->inode->entry_count != 0 ? -ENOTEMPTY : 0;
}

static int check_unlink(const struct sri_place *place)
{
    if (place->last != SRI_LAST_NAME)
        return -EISDIR;
    if (place->inode == NULL)
        return -ENOENT;
    if (place->inode->kind == SRI_INODE_DIRECTORY)
        return -EISDIR;
    return place->directory ? -ENOTDIR : 0;
}

static int64_t remove_name(struct sri_sim_world *world, const struct sri_names *names)
{
    struct sri_place place;
    int rc = find_name(world, names->from_directory, names->from, &place);
    if (rc == 0)
        rc = (names->flags & AT_REMOVEDIR) != 0 ? check_rmdir(&place) : check_unlink(&place);
    if (rc != 0)
        return rc;
    sri_entry_set(&world->tree, place.entry, NULL);
    return 0;
}

/* ---- rename ---- */

static bool is_directory(const struct sri_place *place)
{
    return place->inode->kind == SRI_INODE_DIRECTORY;
}

/* Is it this directory, or does this directory lie somewhere in it? */
static bool holds(const struct sri_inode *inode, const struct sri_inode *directory)
{
    while (directory != inode && directory->parent != directory)
        directory = directory->parent;
    return directory == inode;
}

static int check_rename_flags(uint32_t flags)
{
    if ((flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0)
        return -EINVAL; /* RENAME_WHITEOUT: as a file system without it */
    return flags == (RENAME_NOREPLACE | RENAME_EXCHANGE) ? -EINVAL : 0;
}

static int check_rename_names(const struct sri_place *old, const struct sri_place *new, uint32_t flags)
{
    if (old->last != SRI_LAST_NAME)
        return -EBUSY;
    if (new->last != SRI_LAST_NAME)
        return (flags & RENAME_NOREPLACE) != 0 ? -EEXIST : -EBUSY;
    if (old->inode == NULL)
        return -ENOENT;
    if ((flags & RENAME_NOREPLACE) != 0 && new->inode != NULL)
        return -EEXIST;
    bool exchange = (flags & RENAME_EXCHANGE) != 0;
    if (exchange && new->inode == NULL)
        return -ENOENT;
    if (exchange && !is_directory(new) && new->directory)
        return -ENOTDIR;
    if (!is_directory(old) && (old->directory || (!exchange && new->directory)))
        return -ENOTDIR;
    return 0;
}

static int check_rename_places(const struct sri_place *old, const struct sri_place *new, bool exchange)
{
    if (is_directory(old) && holds(old->inode, new->parent))
        return -EINVAL;
    if (new->inode != NULL && is_directory(new) && holds(new->inode, old->parent))
        return exchange ? -EINVAL : -ENOTEMPTY;
    if (new->inode == NULL)
        return new->parent->links == 0 ? -ENOENT : 0;
    if (exchange || new->inode == old->inode)
        return 0;
    if (is_directory(old) != is_directory(new))
        return is_directory(old) ? -ENOTDIR : -EISDIR;
    return is_directory(new) && new->inode->entry_count != 0 ? -ENOTEMPTY : 0;
}

static int64_t move_name(struct sri_sim_world *world, const struct sri_names *names)
{
    struct sri_place old;
    struct sri_place new;
    bool exchange = (names->flags & RENAME_EXCHANGE) != 0;
    int rc = check_rename_flags(names->flags);
    if (rc == 0)
        rc = find_name(world, names->from_directory, names->from, &old);
    if (rc == 0)
        rc = find_name(world, names->to_directory, names->to, &new);
    if (rc == 0)
        rc = check_rename_names(&old, &new, names->flags);
    if (rc == 0)
        rc = check_rename_places(&old, &new, exchange);
    if (rc != 0 || new.inode == old.inode)
        return rc;
    return sri_entry_move(&world->tree, new.parent, new.name, old.entry, exchange ? new.inode : NULL);
}

int64_t sri_names_attempt(struct sri_sim_world *world, const struct sri_attempt *attempt)
{
    const struct sri_names *names = attempt->argument;
    switch (attempt->work) {
    case SRI_WORK_RENAME: return move_name(world, names);
    case SRI_WORK_UNLINK: return remove_name(world, names);
    case SRI_WORK_MKDIR: return make_directory(world, names);
    case SRI_WORK_SYMLINK: return make_symlink(world, names);
    default: return make_link(world, names);
    }
}
