/*
 * Names: a tree of directories, files and socket names. Nothing is opened here.
 */
#ifndef SRI_WORLD_TREE_H
#define SRI_WORLD_TREE_H

#include <stdint.h>

#include "base/list.h"
#include "world/disk.h"
#include "world/stock.h"

#define SRI_NAME_SIZE 256 /* with its end; PATH_MAX is 4096 */
#define SRI_PATH_SIZE 4096

struct sri_socket;

enum sri_inode_kind {
    SRI_INODE_FILE,
    SRI_INODE_DIRECTORY,
    SRI_INODE_SOCKET,
};

struct sri_inode {
    enum sri_inode_kind kind;
    struct sri_inode *parent; /* the root's is itself */
    struct sri_node among;    /* in the parent's children */
    struct sri_node children;
    struct sri_content content;
    struct sri_socket *listener; /* who listens at a socket's name */
    char name[SRI_NAME_SIZE];
};

struct sri_tree {
    struct sri_stock inodes;
    struct sri_inode *root;
};

void sri_tree_init(struct sri_tree *tree);

/* Back to an empty root. -ENOMEM. */
int sri_tree_reset(struct sri_tree *tree);
void sri_tree_fini(struct sri_tree *tree);

/* Where a path ends. */
struct sri_place {
    struct sri_inode *parent; /* the directory that holds the last name, or would */
    struct sri_inode *inode;  /* NULL: there is none */
    char name[SRI_NAME_SIZE]; /* the last name */
    int directory;            /* the path ends with a slash, or names a directory by its form */
    int outside;              /* it left `from` on the way: an absolute path, or too many .. */
};

/*
 * Follows a path from a directory (or the root). 0 also when only the last name is missing. -ENOENT (also the empty
 * path), -ENOTDIR, -ENAMETOOLONG.
 */
int sri_tree_walk(struct sri_tree *tree, struct sri_inode *from, const char *path, struct sri_place *place);

/* Makes what a walk found missing. NULL: no memory. */
struct sri_inode *sri_tree_make(struct sri_tree *tree, const struct sri_place *place,
                                enum sri_inode_kind kind);

/* Makes the directories on the way to the last name of a path. -ENOTDIR, -ENAMETOOLONG, -ENOENT, -ENOMEM. */
int sri_tree_make_way(struct sri_tree *tree, const char *path);

#endif
