/*
 * The way along a path: names, dots, symbolic links, and the fences of openat2(2). Texts of links are not joined to what
 * follows them; the rests of all of them are kept, the innermost last.
 */
#include <errno.h>
#include <string.h>

#include <linux/openat2.h>

#include "world/tree.h"

#define DIRECTORY_MODE 0755u
#define FILE_MODE 0644u

struct walk {
    struct sri_tree *tree;
    const struct sri_way *way;
    struct sri_place *place;
    struct sri_inode *root; /* where a leading slash and too many .. lead to */
    struct sri_inode *at;
    const char *rest[SRI_LINKS_MOST + 1];
    uint32_t depth; /* of `rest`, in use */
    uint32_t links; /* followed */
    bool slash;     /* behind a link that was the last name: what it leads to is to be a directory */
};

static const char *skip_slashes(const char *text)
{
    return text + strspn(text, "/");
}

/* Is there another name, in any of the rests? */
static bool at_end(struct walk *walk)
{
    while (walk->depth > 0 && *skip_slashes(walk->rest[walk->depth - 1]) == 0) {
        if (walk->rest[walk->depth - 1][0] == '/')
            walk->place->directory = true;
        walk->depth--;
    }
    return walk->depth == 0;
}

/* Cuts the next name off; -ENAMETOOLONG. */
static int next_name(struct walk *walk)
{
    const char **rest = &walk->rest[walk->depth - 1];
    const char *begin = skip_slashes(*rest);
    size_t length = strcspn(begin, "/");
    if (length >= SRI_NAME_SIZE)
        return -ENAMETOOLONG;
    memcpy(walk->place->name, begin, length);
    walk->place->name[length] = 0;
    *rest = begin + length;
    return 0;
}

static bool beneath(const struct walk *walk)
{
    return (walk->way->resolve & RESOLVE_BENEATH) != 0;
}

/* To the beginning of an absolute text. */
static int jump(struct walk *walk)
{
    if (beneath(walk))
        return -EXDEV;
    walk->at = walk->root;
    return 0;
}

static int step_up(struct walk *walk)
{
    if (walk->at == walk->root)
        return beneath(walk) ? -EXDEV : 0;
    walk->at = walk->at->parent;
    return 0;
}

static int enter_link(struct walk *walk, const struct sri_inode *link)
{
    if ((walk->way->resolve & RESOLVE_NO_SYMLINKS) != 0 || ++walk->links > SRI_LINKS_MOST)
        return -ELOOP;
    walk->rest[walk->depth++] = link->target;
    return link->target[0] == '/' ? jump(walk) : 0;
}

static bool follows(const struct walk *walk, bool last)
{
    if (!last || walk->way->follow == SRI_FOLLOW)
        return true;
    return walk->way->follow == SRI_NO_FOLLOW && (walk->place->directory || walk->slash);
}

static int step_to_name(struct walk *walk)
{
    struct sri_place *place = walk->place;
    struct sri_inode *directory = walk->at;
    struct sri_entry *entry = sri_entry_find(directory, place->name);
    struct sri_inode *inode = entry == NULL ? NULL : entry->now;
    bool last = at_end(walk);
    if (last && place->directory && walk->way->creates)
        return -EISDIR;
    if (inode != NULL && inode->kind == SRI_INODE_SYMLINK && follows(walk, last)) {
        walk->slash |= last && place->directory;
        return enter_link(walk, inode);
    }
    place->parent = directory;
    place->entry = entry;
    place->last = SRI_LAST_NAME;
    walk->at = inode;
    return 0;
}

static int step_to_dots(struct walk *walk, enum sri_last last)
{
    int rc = last == SRI_LAST_DOTDOT ? step_up(walk) : 0;
    walk->place->parent = walk->at;
    walk->place->entry = NULL;
    walk->place->last = last;
    walk->place->directory = true;
    return rc;
}

static int step(struct walk *walk)
{
    struct sri_place *place = walk->place;
    if (walk->at == NULL)
        return -ENOENT;
    if (walk->at->kind != SRI_INODE_DIRECTORY)
        return -ENOTDIR;
    place->directory = false;
    int rc = next_name(walk);
    if (rc != 0)
        return rc;
    if (strcmp(place->name, ".") == 0)
        return step_to_dots(walk, SRI_LAST_DOT);
    if (strcmp(place->name, "..") == 0)
        return step_to_dots(walk, SRI_LAST_DOTDOT);
    return step_to_name(walk);
}

static int begin(struct walk *walk, const char *path)
{
    const struct sri_way *way = walk->way;
    bool fenced = (way->resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) != 0;
    if (path[0] == 0)
        return -ENOENT;
    if (strlen(path) >= SRI_PATH_SIZE)
        return -ENAMETOOLONG;
    walk->at = way->from != NULL ? way->from : walk->tree->root;
    walk->root = fenced ? walk->at : walk->tree->root;
    walk->rest[0] = path;
    walk->depth = 1;
    return path[0] == '/' ? jump(walk) : 0;
}

int sri_tree_find(struct sri_tree *tree, const struct sri_way *way, const char *path, struct sri_place *place)
{
    struct walk walk = {.tree = tree, .way = way, .place = place};
    *place = (struct sri_place){.last = SRI_LAST_ROOT};
    int rc = begin(&walk, path);
    place->parent = walk.at;
    while (rc == 0 && !at_end(&walk))
        rc = step(&walk);
    if (rc != 0)
        return rc;
    place->inode = walk.at;
    place->directory |= walk.slash;
    bool wrong = place->directory && walk.at != NULL && walk.at->kind != SRI_INODE_DIRECTORY;
    return wrong && way->follow != SRI_NAME_ONLY ? -ENOTDIR : 0;
}

int sri_tree_walk(struct sri_tree *tree, struct sri_inode *from, const char *path, struct sri_place *place)
{
    struct sri_way way = {.from = from, .follow = SRI_FOLLOW};
    return sri_tree_find(tree, &way, path, place);
}

struct sri_inode *sri_tree_make(struct sri_tree *tree, const struct sri_place *place,
                                enum sri_inode_kind kind)
{
    uint32_t mode = kind == SRI_INODE_FILE ? FILE_MODE : DIRECTORY_MODE;
    struct sri_inode *inode = sri_inode_new(tree, kind, mode);
    if (inode == NULL)
        return NULL;
    struct sri_entry *entry = sri_entry_obtain(tree, place->parent, place->name);
    if (entry == NULL) {
        sri_inode_settle(tree, inode);
        return NULL;
    }
    sri_entry_set(tree, entry, inode);
    return inode;
}

int sri_tree_make_way(struct sri_tree *tree, const char *path)
{
    char way[SRI_PATH_SIZE];
    size_t length = strlen(path);
    if (length >= sizeof way)
        return -ENAMETOOLONG;
    for (size_t i = 1; i < length; i++) {
        if (path[i] != '/' || path[i - 1] == '/')
            continue;
        memcpy(way, path, i);
        way[i] = 0;
        struct sri_place place;
        int rc = sri_tree_walk(tree, NULL, way, &place);
        if (rc != 0)
            return rc;
        if (place.inode == NULL && sri_tree_make(tree, &place, SRI_INODE_DIRECTORY) == NULL)
            return -ENOMEM;
        if (place.inode != NULL && place.inode->kind != SRI_INODE_DIRECTORY)
            return -ENOTDIR;
    }
    return 0;
}
