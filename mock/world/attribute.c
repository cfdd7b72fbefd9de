/*
 * Extended attributes of an inode: what the program sees, and what is on the disk. Each value lies in a block, as with file
 * systems that keep attributes beside the inode.
 */
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/text.h"
#include "world/tree.h"

#define VALUE_MOST 3900u /* what an ext4 of 4096 bytes a block takes, about */

struct value {
    char *bytes; /* NULL: there is none */
    size_t size;
};

struct sri_attribute {
    struct sri_node among;
    struct value now;
    struct value disk;
    char name[SRI_NAME_SIZE];
};

size_t sri_attribute_size(void)
{
    return sizeof(struct sri_attribute);
}

static bool begins(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* 0; -EOPNOTSUPP: no such class of names; -EINVAL: nothing behind the class; `forbidden`: not for this kind of inode. */
static int check(const struct sri_inode *inode, const char *name, int forbidden)
{
    bool user = begins(name, "user.");
    if (!user && !begins(name, "trusted.") && !begins(name, "security."))
        return -EOPNOTSUPP;
    if (user && inode->kind != SRI_INODE_FILE && inode->kind != SRI_INODE_DIRECTORY)
        return forbidden;
    const char *dot = strchr(name, '.');
    return dot == NULL || dot[1] == 0 ? -EINVAL : 0;
}

static struct sri_attribute *search(const struct sri_inode *inode, const char *name)
{
    const struct sri_node *head = &inode->attributes;
    for (struct sri_node *node = head->next; node != head; node = node->next) {
        struct sri_attribute *attribute = SRI_CONTAINER_OF(node, struct sri_attribute, among);
        if (strcmp(attribute->name, name) == 0)
            return attribute;
    }
    return NULL;
}

static struct sri_attribute *obtain(struct sri_tree *tree, struct sri_inode *inode, const char *name)
{
    struct sri_attribute *attribute = search(inode, name);
    if (attribute != NULL)
        return attribute;
    attribute = sri_stock_take(&tree->attributes);
    if (attribute == NULL)
        return NULL;
    memset(attribute, 0, sizeof *attribute);
    (void)sri_format(attribute->name, sizeof attribute->name, "%s", name);
    sri_list_append(&inode->attributes, &attribute->among);
    return attribute;
}

static void give(struct sri_tree *tree, const struct value *value)
{
    if (value->bytes != NULL)
        sri_stock_give(&tree->disk->blocks, value->bytes);
}

static void set(struct sri_tree *tree, struct sri_attribute *attribute, struct value value)
{
    if (attribute->now.bytes != attribute->disk.bytes)
        give(tree, &attribute->now);
    attribute->now = value;
}

static void put_on_disk(struct sri_tree *tree, struct sri_attribute *attribute)
{
    if (attribute->now.bytes == attribute->disk.bytes)
        return;
    give(tree, &attribute->disk);
    attribute->disk = attribute->now;
}

static void remove_if_nothing(struct sri_tree *tree, struct sri_attribute *attribute)
{
    if (attribute->now.bytes != NULL || attribute->disk.bytes != NULL)
        return;
    sri_list_remove(&attribute->among);
    sri_stock_give(&tree->attributes, attribute);
}

int sri_attribute_set(struct sri_tree *tree, struct sri_inode *inode, const char *name, const void *value,
                      size_t size, uint32_t flags)
{
    int rc = check(inode, name, -EPERM);
    if (rc != 0)
        return rc;
    struct sri_attribute *found = search(inode, name);
    bool exists = found != NULL && found->now.bytes != NULL;
    if (exists && (flags & XATTR_CREATE) != 0)
        return -EEXIST;
    if (!exists && (flags & XATTR_REPLACE) != 0)
        return -ENODATA;
    if (size > VALUE_MOST)
        return -ENOSPC;
    struct value now = {.bytes = sri_stock_take(&tree->disk->blocks), .size = size};
    if (now.bytes == NULL)
        return -ENOMEM;
    struct sri_attribute *attribute = obtain(tree, inode, name);
    if (attribute == NULL) {
        give(tree, &now);
        return -ENOMEM;
    }
    if (size > 0)
        memcpy(now.bytes, value, size);
    set(tree, attribute, now);
    inode->times.change_ns = *tree->clock;
    return 0;
}

int64_t sri_attribute_get(const struct sri_inode *inode, const char *name, void *value, size_t size)
{
    int rc = check(inode, name, -ENODATA);
    if (rc != 0)
        return rc;
    const struct sri_attribute *attribute = search(inode, name);
    if (attribute == NULL || attribute->now.bytes == NULL)
        return -ENODATA;
    if (size != 0 && size < attribute->now.size)
        return -ERANGE;
    if (size != 0)
        memcpy(value, attribute->now.bytes, attribute->now.size);
    return (int64_t)attribute->now.size;
}

void sri_attributes_sync(struct sri_tree *tree, struct sri_inode *inode)
{
    struct sri_node *head = &inode->attributes;
    for (struct sri_node *node = head->next; node != head; node = node->next)
        put_on_disk(tree, SRI_CONTAINER_OF(node, struct sri_attribute, among));
}

void sri_attributes_lose(struct sri_tree *tree, struct sri_inode *inode)
{
    struct sri_node *node = inode->attributes.next;
    while (node != &inode->attributes) {
        struct sri_attribute *attribute = SRI_CONTAINER_OF(node, struct sri_attribute, among);
        node = node->next;
        if (attribute->now.bytes == attribute->disk.bytes)
            continue;
        if (sri_disk_ask(tree->disk, SRI_DISK_REMAINS, 2) == 0)
            put_on_disk(tree, attribute);
        else
            set(tree, attribute, attribute->disk);
        remove_if_nothing(tree, attribute);
    }
}

void sri_attributes_fini(struct sri_tree *tree, struct sri_inode *inode)
{
    while (!sri_list_empty(&inode->attributes)) {
        struct sri_attribute *attribute =
            SRI_CONTAINER_OF(inode->attributes.next, struct sri_attribute, among);
        if (attribute->now.bytes != attribute->disk.bytes)
            give(tree, &attribute->now);
        give(tree, &attribute->disk);
        sri_list_remove(&attribute->among);
        sri_stock_give(&tree->attributes, attribute);
    }
}
