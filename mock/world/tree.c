/*
 * The tree of names, and the way along a path. Opens nothing.
 */
#include "world/tree.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

void sri_tree_init(struct sri_tree *tree)
{
    memset(tree, 0, sizeof *tree);
    sri_stock_init(&tree->inodes, sizeof(struct sri_inode), 16);
}

static struct sri_inode *new_inode(struct sri_tree *tree, enum sri_inode_kind kind)
{
    struct sri_inode *inode = sri_stock_take(&tree->inodes);
    if (inode == NULL)
        return NULL;
    memset(inode, 0, sizeof *inode);
    inode->kind = kind;
    sri_list_init(&inode->among);
    sri_list_init(&inode->children);
    return inode;
}

int sri_tree_reset(struct sri_tree *tree)
{
    sri_stock_reset(&tree->inodes);
    tree->root = new_inode(tree, SRI_INODE_DIRECTORY);
    if (tree->root == NULL)
        return -ENOMEM;
    tree->root->parent = tree->root;
    return 0;
}

void sri_tree_fini(struct sri_tree *tree)
{
    sri_stock_fini(&tree->inodes, NULL);
    tree->root = NULL;
}

static struct sri_inode *child(struct sri_inode *directory, const char *name)
{
    for (struct sri_node *node = directory->children.next; node != &directory->children; node = node->next) {
        struct sri_inode *inode = SRI_CONTAINER_OF(node, struct sri_inode, among);
        if (strcmp(inode->name, name) == 0)
            return inode;
    }
    return NULL;
}

/* Cuts the next name off a path; its length, 0 at the end, or -ENAMETOOLONG. */
static int next_name(const char **path, char name[SRI_NAME_SIZE])
{
    const char *begin = *path + strspn(*path, "/");
    size_t length = strcspn(begin, "/");
    if (length >= SRI_NAME_SIZE)
        return -ENAMETOOLONG;
    memcpy(name, begin, length);
    name[length] = 0;
    *path = begin + length;
    return (int)length;
}

static bool at_end(const char *path)
{
    return path[strspn(path, "/")] == 0;
}

/* One name further. `depth` counts how far below its beginning the walk is. */
static void step(struct sri_place *place, struct sri_inode *at, int *depth)
{
    place->parent = at;
    if (strcmp(place->name, ".") == 0) {
        place->inode = at;
        place->directory = 1;
    } else if (strcmp(place->name, "..") == 0) {
        place->inode = at->parent;
        place->directory = 1;
        if (--*depth < 0)
            place->outside = 1;
    } else {
        place->inode = child(at, place->name);
        ++*depth;
    }
}

int sri_tree_walk(struct sri_tree *tree, struct sri_inode *from, const char *path, struct sri_place *place)
{
    memset(place, 0, offsetof(struct sri_place, name));
    place->name[0] = 0;
    place->directory = 0;
    place->outside = path[0] == '/';
    if (path[0] == 0)
        return -ENOENT;
    if (strlen(path) >= SRI_PATH_SIZE)
        return -ENAMETOOLONG;
    struct sri_inode *at = path[0] == '/' || from == NULL ? tree->root : from;
    place->parent = at;
    place->inode = at;
    int depth = 0;
    while (!at_end(path)) {
        if (at == NULL)
            return -ENOENT;
        if (at->kind != SRI_INODE_DIRECTORY)
            return -ENOTDIR;
        int length = next_name(&path, place->name);
        if (length < 0)
            return length;
        place->directory = 0;
        step(place, at, &depth);
        at = place->inode;
    }
    if (path[0] == '/')
        place->directory = 1;
    if (place->directory && at != NULL && at->kind != SRI_INODE_DIRECTORY)
        return -ENOTDIR;
    return 0;
}

struct sri_inode *sri_tree_make(struct sri_tree *tree, const struct sri_place *place,
                                enum sri_inode_kind kind)
{
    struct sri_inode *inode = new_inode(tree, kind);
    if (inode == NULL)
        return NULL;
    inode->parent = place->parent;
    memcpy(inode->name, place->name, SRI_NAME_SIZE);
    sri_list_append(&place->parent->children, &inode->among);
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
