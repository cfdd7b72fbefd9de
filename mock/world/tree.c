/*
 * Inodes: what names stand for, and how long it lives.
 */
#include "world/tree.h"

#include <errno.h>
#include <string.h>

#define DIRECTORY_MODE 0755u

void sri_tree_init(struct sri_tree *tree, struct sri_disk *disk, const uint64_t *clock)
{
    memset(tree, 0, sizeof *tree);
    tree->disk = disk;
    tree->clock = clock;
    sri_list_init(&tree->all);
    sri_stock_init(&tree->inodes, sizeof(struct sri_inode), 16);
    sri_stock_init(&tree->entries, sizeof(struct sri_entry), 16);
    sri_stock_init(&tree->attributes, sri_attribute_size(), 16);
}

int sri_tree_reset(struct sri_tree *tree)
{
    sri_stock_reset(&tree->inodes);
    sri_stock_reset(&tree->entries);
    sri_stock_reset(&tree->attributes);
    sri_list_init(&tree->all);
    tree->next_number = 1;
    tree->root = sri_inode_new(tree, SRI_INODE_DIRECTORY, DIRECTORY_MODE);
    if (tree->root == NULL)
        return -ENOMEM;
    tree->root->parent = tree->root;
    tree->root->links = 1; /* what everything hangs on, and hangs on nothing */
    tree->root->disk_links = 1;
    return 0;
}

void sri_tree_fini(struct sri_tree *tree)
{
    sri_stock_fini(&tree->inodes, NULL);
    sri_stock_fini(&tree->entries, NULL);
    sri_stock_fini(&tree->attributes, NULL);
    tree->root = NULL;
}

struct sri_inode *sri_inode_new(struct sri_tree *tree, enum sri_inode_kind kind, uint32_t mode)
{
    struct sri_inode *inode = sri_stock_take(&tree->inodes);
    if (inode == NULL)
        return NULL;
    uint64_t now = *tree->clock;
    memset(inode, 0, sizeof *inode);
    inode->kind = kind;
    inode->mode = mode;
    inode->number = tree->next_number++;
    inode->times = (struct sri_times){now, now, now, now};
    sri_list_init(&inode->entries);
    sri_list_init(&inode->attributes);
    sri_list_append(&tree->all, &inode->among);
    sri_content_init(&inode->content);
    return inode;
}

void sri_inode_hold(struct sri_inode *inode)
{
    inode->holders++;
}

void sri_inode_drop(struct sri_tree *tree, struct sri_inode *inode)
{
    inode->holders--;
    sri_inode_settle(tree, inode);
}

/* What only the disk still knows does not count as used: the program can't see why it should. */
static void stop_counting(struct sri_tree *tree, struct sri_inode *inode)
{
    tree->disk->used_pages -= inode->content.page_count;
    inode->content.page_count = 0;
}

void sri_inode_settle(struct sri_tree *tree, struct sri_inode *inode)
{
    if (inode->links != 0 || inode->holders != 0)
        return;
    stop_counting(tree, inode);
    if (inode->disk_links != 0)
        return;
    sri_content_fini(tree->disk, &inode->content, false);
    sri_attributes_fini(tree, inode);
    sri_directory_fini(tree, inode);
    if (inode->target != NULL)
        sri_stock_give(&tree->disk->blocks, inode->target);
    struct sri_inode *parent = inode->holds_parent ? inode->parent : NULL;
    sri_list_remove(&inode->among);
    sri_stock_give(&tree->inodes, inode);
    if (parent != NULL)
        sri_inode_drop(tree, parent);
}

void sri_inode_touch(struct sri_tree *tree, struct sri_inode *inode)
{
    inode->times.modify_ns = *tree->clock;
    inode->times.change_ns = *tree->clock;
}
