/*
 * Names: a tree of directories, files, symbolic links and socket names. As of a file's bytes there are two states of a
 * directory: what the program sees, and what a loss of power would leave. Nothing is opened here.
 */
#ifndef SRI_WORLD_TREE_H
#define SRI_WORLD_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "world/disk.h"
#include "world/stock.h"

#define SRI_NAME_SIZE 256 /* with its end; PATH_MAX is 4096 */
#define SRI_PATH_SIZE 4096
#define SRI_LINKS_MOST 40 /* symbolic links on the way along one path */

struct sri_socket;

enum sri_inode_kind {
    SRI_INODE_FILE,
    SRI_INODE_DIRECTORY,
    SRI_INODE_SOCKET,
    SRI_INODE_SYMLINK,
};

struct sri_times {
    uint64_t access_ns;
    uint64_t modify_ns;
    uint64_t change_ns;
    uint64_t birth_ns;
};

/* Lives as long as a name, on the disk or off it, or an open file stands for it. */
struct sri_inode {
    enum sri_inode_kind kind;
    bool linkable;     /* has no name yet, and may get one (O_TMPFILE) */
    bool holds_parent; /* a removed directory that somebody may still leave by .. */
    bool reachable;    /* found by sri_tree_prune() */
    uint32_t mode;     /* permission bits */
    uint32_t links;
    uint32_t disk_links;
    uint32_t holders;         /* open files */
    uint32_t entry_count;     /* of a directory: names that the program sees, … */
    uint32_t directory_count; /* … and of them directories */
    uint64_t number;
    struct sri_times times;
    struct sri_inode *parent; /* a directory's; the root's is itself */
    struct sri_node among;    /* all inodes of the tree */
    struct sri_node entries;  /* a directory's names, those only on the disk too */
    struct sri_node attributes;
    struct sri_content content;
    char *target;              /* what a symbolic link says */
    struct sri_socket *socket; /* who has a socket's name; NULL: nobody any more */
};

/* A name in a directory. */
struct sri_entry {
    struct sri_node among;       /* in its directory */
    struct sri_node tied;        /* those that change on the disk together with it */
    struct sri_inode *directory; /* NULL once it is gone */
    struct sri_inode *now;       /* what the program finds under the name, or NULL */
    struct sri_inode *disk;      /* what is there on the disk, or NULL */
    uint32_t hash;
    char name[SRI_NAME_SIZE];
};

struct sri_tree {
    struct sri_disk *disk;
    const uint64_t *clock;
    struct sri_stock inodes;
    struct sri_stock entries;
    struct sri_stock attributes;
    struct sri_node all;
    struct sri_inode *root;
    uint64_t next_number;
};

void sri_tree_init(struct sri_tree *tree, struct sri_disk *disk, const uint64_t *clock);

/* Back to an empty root. -ENOMEM. */
int sri_tree_reset(struct sri_tree *tree);
void sri_tree_fini(struct sri_tree *tree);

/* Without a name or holder: it ends with the first holder that leaves, unless it gets a name. NULL: no memory. */
struct sri_inode *sri_inode_new(struct sri_tree *tree, enum sri_inode_kind kind, uint32_t mode);
void sri_inode_hold(struct sri_inode *inode);
void sri_inode_drop(struct sri_tree *tree, struct sri_inode *inode);
/* Ends what nothing stands for any more. */
void sri_inode_settle(struct sri_tree *tree, struct sri_inode *inode);
/* Its bytes (and with them what it is) changed now. */
void sri_inode_touch(struct sri_tree *tree, struct sri_inode *inode);

/* ---- entry.c ---- */

/* The name as the program sees it; NULL when it sees none. */
struct sri_entry *sri_entry_find(const struct sri_inode *directory, const char *name);

/* The name, made when it was never there; stands for nothing yet. NULL: no memory. */
struct sri_entry *sri_entry_obtain(struct sri_tree *tree, struct sri_inode *directory, const char *name);

/* From now on the program finds `inode` there, or nothing; the entry may be gone after that. */
void sri_entry_set(struct sri_tree *tree, struct sri_entry *entry, struct sri_inode *inode);

/*
 * What stands for `other` moves to a name in a directory, and what `other_inode` says takes its place: one change, as the
 * program sees it and as the disk does. -ENOMEM: nothing changed.
 */
int sri_entry_move(struct sri_tree *tree, struct sri_inode *directory, const char *name,
                   struct sri_entry *other, struct sri_inode *other_inode);

/* The names of a directory are on the disk, and what changed together with them. */
void sri_directory_sync(struct sri_tree *tree, struct sri_inode *directory);

/* The name of an inode in this directory is on the disk, and so is the way to it. */
void sri_name_sync(struct sri_tree *tree, struct sri_inode *directory, const struct sri_inode *inode);

/* Power is lost: the names become those that remain on the disk. */
void sri_directory_lose(struct sri_tree *tree, struct sri_inode *directory);

/* A directory that nothing stands for any more forgets its names. */
void sri_directory_fini(struct sri_tree *tree, struct sri_inode *directory);

/* Directories that no path leads to forget their names: two may have been lost into each other. All must be held. */
void sri_tree_prune(struct sri_tree *tree);

/* ---- walk.c ---- */

enum sri_follow {
    SRI_FOLLOW,    /* a symbolic link at the end too */
    SRI_NO_FOLLOW, /* unless a slash comes behind */
    SRI_NAME_ONLY, /* never: the name itself is meant */
};

enum sri_last {
    SRI_LAST_NAME,
    SRI_LAST_DOT,
    SRI_LAST_DOTDOT,
    SRI_LAST_ROOT,
};

/* How to go. */
struct sri_way {
    struct sri_inode *from; /* NULL: the root */
    uint64_t resolve;       /* RESOLVE_* */
    enum sri_follow follow;
    bool creates; /* a file: a last name with a slash behind it is -EISDIR, whatever it stands for */
};

/* Where a path ends. */
struct sri_place {
    struct sri_inode *parent; /* the directory that holds the last name, or would */
    struct sri_inode *inode;  /* NULL: there is none */
    struct sri_entry *entry;  /* its name, where there is one */
    enum sri_last last;
    bool directory;           /* the path says that it is one */
    char name[SRI_NAME_SIZE]; /* the last name */
};

/*
 * Follows a path. 0 also when only the last name is missing. -ENOENT (also the empty path), -ENOTDIR, -ENAMETOOLONG,
 * -ELOOP, -EXDEV.
 */
int sri_tree_find(struct sri_tree *tree, const struct sri_way *way, const char *path,
                  struct sri_place *place);
/* The same from a directory (NULL: the root), all symbolic links followed. */
int sri_tree_walk(struct sri_tree *tree, struct sri_inode *from, const char *path, struct sri_place *place);

/* Makes what a walk found missing. NULL: no memory. */
struct sri_inode *sri_tree_make(struct sri_tree *tree, const struct sri_place *place,
                                enum sri_inode_kind kind);

/* Makes the directories on the way to the last name of a path. -ENOTDIR, -ENAMETOOLONG, -ENOENT, -ENOMEM. */
int sri_tree_make_way(struct sri_tree *tree, const char *path);

/* ---- attribute.c ---- */

size_t sri_attribute_size(void);

/* -ENODATA, -EEXIST (XATTR_CREATE), -ENOSPC, -EOPNOTSUPP, -EPERM, -EINVAL, -ENOMEM. */
int sri_attribute_set(struct sri_tree *tree, struct sri_inode *inode, const char *name, const void *value,
                      size_t size, uint32_t flags);
/* The length; -ENODATA, -ERANGE (it is longer than a `size` other than 0), -EOPNOTSUPP. */
int64_t sri_attribute_get(const struct sri_inode *inode, const char *name, void *value, size_t size);
void sri_attributes_sync(struct sri_tree *tree, struct sri_inode *inode);
void sri_attributes_lose(struct sri_tree *tree, struct sri_inode *inode);
void sri_attributes_fini(struct sri_tree *tree, struct sri_inode *inode);

#endif
