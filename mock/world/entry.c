/*
 * Names in directories, as the program sees them and as they are on the disk. A name that is on the disk alone stays, unseen,
 * until its directory is synced; so a loss of power finds it.
 *
 * Each name reaches the disk by itself, in any order, or by a sync of its directory; only the two halves of a rename are one
 * change, which happens whole or not at all. More a program may not rely on.
 */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "world/tree.h"

static uint32_t hash_of(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name != 0; name++)
        hash = (hash ^ (uint8_t)*name) * 16777619u;
    return hash;
}

static struct sri_entry *search(const struct sri_inode *directory, const char *name)
{
    uint32_t hash = hash_of(name);
    const struct sri_node *head = &directory->entries;
    for (struct sri_node *node = head->next; node != head; node = node->next) {
        struct sri_entry *entry = SRI_CONTAINER_OF(node, struct sri_entry, among);
        if (entry->hash == hash && strcmp(entry->name, name) == 0)
            return entry;
    }
    return NULL;
}

struct sri_entry *sri_entry_find(const struct sri_inode *directory, const char *name)
{
    struct sri_entry *entry = search(directory, name);
    return entry != NULL && entry->now != NULL ? entry : NULL;
}

struct sri_entry *sri_entry_obtain(struct sri_tree *tree, struct sri_inode *directory, const char *name)
{
    struct sri_entry *entry = search(directory, name);
    if (entry != NULL)
        return entry;
    entry = sri_stock_take(&tree->entries);
    if (entry == NULL)
        return NULL;
    entry->directory = directory;
    entry->now = NULL;
    entry->disk = NULL;
    entry->hash = hash_of(name);
    (void)sri_format(entry->name, sizeof entry->name, "%s", name);
    sri_list_init(&entry->tied);
    sri_list_append(&directory->entries, &entry->among);
    return entry;
}

static void untie(struct sri_entry *entry)
{
    sri_list_remove(&entry->tied);
}

static void remove_if_nothing(struct sri_tree *tree, struct sri_entry *entry)
{
    if (entry->now != NULL || entry->disk != NULL)
        return;
    untie(entry);
    sri_list_remove(&entry->among);
    sri_stock_give(&tree->entries, entry);
}

static void put_on_disk(struct sri_tree *tree, struct sri_entry *entry)
{
    struct sri_inode *before = entry->disk;
    untie(entry);
    if (entry->now == before)
        return;
    entry->disk = entry->now;
    if (entry->disk != NULL)
        entry->disk->disk_links++;
    if (before != NULL) {
        before->disk_links--;
        sri_inode_settle(tree, before);
    }
}

/* It and all that is tied to it, which then is nothing. */
static void put_group_on_disk(struct sri_tree *tree, struct sri_entry *entry)
{
    while (!sri_list_empty(&entry->tied)) {
        struct sri_entry *other = SRI_CONTAINER_OF(entry->tied.next, struct sri_entry, tied);
        put_on_disk(tree, other);
        remove_if_nothing(tree, other);
    }
    put_on_disk(tree, entry);
}

static void ask_written_back(struct sri_tree *tree, struct sri_entry *entry)
{
    if (entry->now != entry->disk && sri_disk_ask(tree->disk, SRI_DISK_WRITTEN_BACK, 2) != 0)
        put_group_on_disk(tree, entry);
}

static void count(struct sri_entry *entry, struct sri_inode *inode, int by)
{
    struct sri_inode *directory = entry->directory;
    if (inode == NULL)
        return;
    inode->links = (uint32_t)((int)inode->links + by);
    directory->entry_count = (uint32_t)((int)directory->entry_count + by);
    if (inode->kind == SRI_INODE_DIRECTORY)
        directory->directory_count = (uint32_t)((int)directory->directory_count + by);
}

/* A directory's way up. One that has been removed keeps it: who has it open may leave by it. */
static void set_parent(struct sri_tree *tree, struct sri_inode *inode, struct sri_inode *parent)
{
    struct sri_inode *left = inode->holds_parent ? inode->parent : NULL;
    inode->holds_parent = false;
    inode->parent = parent;
    if (left != NULL)
        sri_inode_drop(tree, left);
}

static void keep_parent(struct sri_inode *inode)
{
    if (inode->links != 0 || inode->holds_parent)
        return;
    inode->holds_parent = true;
    sri_inode_hold(inode->parent);
}

static void set_now(struct sri_tree *tree, struct sri_entry *entry, struct sri_inode *inode)
{
    struct sri_inode *before = entry->now;
    count(entry, inode, 1);
    count(entry, before, -1);
    entry->now = inode;
    sri_inode_touch(tree, entry->directory);
    if (inode != NULL) {
        inode->times.change_ns = *tree->clock;
        inode->linkable = false;
        if (inode->kind == SRI_INODE_DIRECTORY)
            set_parent(tree, inode, entry->directory);
    }
    if (before != NULL) {
        before->times.change_ns = *tree->clock;
        if (before->kind == SRI_INODE_DIRECTORY)
            keep_parent(before);
    }
}

/* What was there before ends only when nothing refers to it any more, the disk's name included. */
static void after(struct sri_tree *tree, struct sri_entry *entry, struct sri_inode *before)
{
    remove_if_nothing(tree, entry);
    if (before != NULL)
        sri_inode_settle(tree, before);
}

/* Two rings of tied ones become one, if they were two. */
static void tie(struct sri_entry *one, struct sri_entry *other)
{
    for (struct sri_node *node = one->tied.next; node != &one->tied; node = node->next)
        if (node == &other->tied)
            return;
    struct sri_node *next = one->tied.next;
    struct sri_node *last = other->tied.previous;
    one->tied.next = &other->tied;
    other->tied.previous = &one->tied;
    last->next = next;
    next->previous = last;
}

/* A directory that is removed takes with it what was moved out of it: the disk does not forget the one before the other. */
static void tie_contents(struct sri_entry *entry)
{
    if (entry->now == NULL)
        return;
    struct sri_node *head = &entry->now->entries;
    for (struct sri_node *node = head->next; node != head; node = node->next)
        tie(entry, SRI_CONTAINER_OF(node, struct sri_entry, among));
}

void sri_entry_set(struct sri_tree *tree, struct sri_entry *entry, struct sri_inode *inode)
{
    struct sri_inode *before = entry->now;
    ask_written_back(tree, entry);
    tie_contents(entry);
    set_now(tree, entry, inode);
    after(tree, entry, before);
}

/* The one is looked for only when what is tied to the other was asked for: it may be among that, and gone after it. */
int sri_entry_move(struct sri_tree *tree, struct sri_inode *directory, const char *name,
                   struct sri_entry *other, struct sri_inode *other_inode)
{
    struct sri_inode *inode = other->now;
    ask_written_back(tree, other);
    struct sri_entry *one = sri_entry_obtain(tree, directory, name);
    if (one == NULL)
        return -ENOMEM;
    ask_written_back(tree, one);
    struct sri_inode *before = one->now;
    if (other_inode == NULL)
        tie_contents(one);
    set_now(tree, one, inode);
    set_now(tree, other, other_inode);
    tie(one, other);
    after(tree, one, NULL);
    after(tree, other, NULL);
    if (before != NULL && before != other_inode)
        sri_inode_settle(tree, before);
    return 0;
}

static struct sri_entry *first_changed(struct sri_inode *directory)
{
    struct sri_node *head = &directory->entries;
    for (struct sri_node *node = head->next; node != head; node = node->next) {
        struct sri_entry *entry = SRI_CONTAINER_OF(node, struct sri_entry, among);
        if (entry->now != entry->disk)
            return entry;
    }
    return NULL;
}

void sri_directory_sync(struct sri_tree *tree, struct sri_inode *directory)
{
    struct sri_entry *entry;
    sri_inode_hold(directory);
    while ((entry = first_changed(directory)) != NULL) {
        put_group_on_disk(tree, entry);
        remove_if_nothing(tree, entry);
    }
    sri_inode_drop(tree, directory);
}

void sri_name_sync(struct sri_tree *tree, struct sri_inode *directory, const struct sri_inode *inode)
{
    for (; inode != tree->root; inode = directory, directory = directory->parent) {
        struct sri_node *head = &directory->entries;
        struct sri_node *node = head->next;
        while (node != head && SRI_CONTAINER_OF(node, struct sri_entry, among)->now != inode)
            node = node->next;
        if (node != head)
            put_group_on_disk(tree, SRI_CONTAINER_OF(node, struct sri_entry, among));
    }
}

static void take_from_disk(struct sri_tree *tree, struct sri_entry *entry)
{
    struct sri_inode *before = entry->now;
    untie(entry);
    set_now(tree, entry, entry->disk);
    after(tree, entry, before);
}

/* One decision for all that is tied. */
static void lose(struct sri_tree *tree, struct sri_entry *entry)
{
    if (sri_disk_ask(tree->disk, SRI_DISK_REMAINS, 2) == 0) {
        put_group_on_disk(tree, entry);
        remove_if_nothing(tree, entry);
        return;
    }
    while (!sri_list_empty(&entry->tied))
        take_from_disk(tree, SRI_CONTAINER_OF(entry->tied.next, struct sri_entry, tied));
    take_from_disk(tree, entry);
}

void sri_directory_lose(struct sri_tree *tree, struct sri_inode *directory)
{
    struct sri_entry *entry;
    sri_inode_hold(directory);
    while ((entry = first_changed(directory)) != NULL)
        lose(tree, entry);
    sri_inode_drop(tree, directory);
}

void sri_directory_fini(struct sri_tree *tree, struct sri_inode *directory)
{
    while (!sri_list_empty(&directory->entries)) {
        struct sri_entry *entry = SRI_CONTAINER_OF(directory->entries.next, struct sri_entry, among);
        struct sri_inode *now = entry->now;
        struct sri_inode *disk = entry->disk;
        count(entry, now, -1);
        entry->now = NULL;
        entry->disk = NULL;
        remove_if_nothing(tree, entry);
        if (disk != NULL)
            disk->disk_links--;
        if (now != NULL && now->kind == SRI_INODE_DIRECTORY)
            now->parent = tree->root;
        if (now != NULL)
            sri_inode_settle(tree, now);
        if (disk != NULL && disk != now)
            sri_inode_settle(tree, disk);
    }
}

/* What a reachable directory names is reachable. True: something was not known to be. */
static bool reach_from(const struct sri_inode *directory)
{
    bool found = false;
    const struct sri_node *head = &directory->entries;
    for (const struct sri_node *node = head->next; node != head; node = node->next) {
        struct sri_inode *inode = SRI_CONTAINER_OF(node, struct sri_entry, among)->now;
        if (inode == NULL || inode->reachable)
            continue;
        inode->reachable = true;
        found = true;
    }
    return found;
}

static void mark_reachable(struct sri_tree *tree)
{
    const struct sri_node *head = &tree->all;
    bool found = true;
    for (struct sri_node *node = head->next; node != head; node = node->next)
        SRI_CONTAINER_OF(node, struct sri_inode, among)->reachable = false;
    tree->root->reachable = true;
    while (found) {
        found = false;
        for (struct sri_node *node = head->next; node != head; node = node->next) {
            const struct sri_inode *inode = SRI_CONTAINER_OF(node, struct sri_inode, among);
            if (inode->reachable && reach_from(inode))
                found = true;
        }
    }
}

void sri_tree_prune(struct sri_tree *tree)
{
    const struct sri_node *head = &tree->all;
    mark_reachable(tree);
    for (struct sri_node *node = head->next; node != head; node = node->next) {
        struct sri_inode *inode = SRI_CONTAINER_OF(node, struct sri_inode, among);
        if (!inode->reachable)
            sri_directory_fini(tree, inode);
    }
}
