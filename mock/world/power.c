/*
 * The loss of power: it fixes what is on the disk, ends what is in flight, and lasts until a reboot. The only place where
 * what the program saw and what remains of it meet.
 */
#include <errno.h>

#include "world/objects.h"

/* The answers of SRI_FREEDOM_POWER. */
enum remains {
    REMAINS_ALL,
    REMAINS_NOTHING,
    REMAINS_BY_CHOICE,
};

static uint32_t ask(void *self, enum sri_disk_question question, uint32_t n)
{
    struct sri_sim_world *world = self;
    switch (question) {
    case SRI_DISK_WRITTEN_BACK: return sri_world_pick(world, SRI_FREEDOM_WRITTEN_BACK, n, NULL);
    case SRI_DISK_SECTOR: return sri_world_pick(world, SRI_FREEDOM_SECTOR, n, NULL);
    case SRI_DISK_REMAINS: break;
    }
    if (world->remains == REMAINS_BY_CHOICE)
        return sri_world_pick(world, SRI_FREEDOM_REMAINS, n, NULL);
    return world->remains == REMAINS_NOTHING ? 1 : 0;
}

void sri_power_init(struct sri_sim_world *world)
{
    world->disk.ask = ask;
    world->disk.self = world;
}

void sri_power_reset(struct sri_sim_world *world)
{
    world->powerless = false;
    world->burnt = false;
    world->fuse = UINT64_MAX;
    world->remains = REMAINS_ALL;
}

static struct sri_inode *first_inode(struct sri_tree *tree)
{
    return SRI_CONTAINER_OF(tree->all.next, struct sri_inode, among);
}

static struct sri_inode *next_inode(struct sri_inode *inode)
{
    return SRI_CONTAINER_OF(inode->among.next, struct sri_inode, among);
}

static bool is_inode(const struct sri_tree *tree, const struct sri_inode *inode)
{
    return &inode->among != &tree->all;
}

static void lose_inode(struct sri_tree *tree, struct sri_inode *inode)
{
    sri_content_lose(tree->disk, &inode->content);
    sri_attributes_lose(tree, inode);
    sri_directory_lose(tree, inode);
}

/* Held first, so that none ends before its turn. */
static void fix_image(struct sri_tree *tree)
{
    struct sri_inode *inode;
    for (inode = first_inode(tree); is_inode(tree, inode); inode = next_inode(inode))
        sri_inode_hold(inode);
    for (inode = first_inode(tree); is_inode(tree, inode); inode = next_inode(inode))
        lose_inode(tree, inode);
    sri_tree_prune(tree);
    inode = first_inode(tree);
    while (is_inode(tree, inode)) {
        struct sri_inode *next = next_inode(inode);
        sri_inode_drop(tree, inode);
        inode = next;
    }
}

static void wake_all(void *object, void *self)
{
    sri_wake_all(self, object);
}

void sri_sim_world_lose_power(struct sri_sim_world *world)
{
    if (world->powerless)
        return;
    world->remains = (uint8_t)sri_world_pick(world, SRI_FREEDOM_POWER, 3, NULL);
    fix_image(&world->tree);
    world->powerless = true;
    sri_stock_each(&world->files, wake_all, world);
}

bool sri_power_fails(struct sri_sim_world *world)
{
    if (world->fuse == 0 && !world->powerless) {
        sri_sim_world_lose_power(world);
        world->burnt = true;
    }
    if (world->fuse != UINT64_MAX && world->fuse != 0)
        world->fuse--;
    return world->powerless;
}

void sri_sim_world_lose_power_after(struct sri_sim_world *world, uint64_t attempts)
{
    world->fuse = attempts;
}

bool sri_sim_world_is_powerless(const struct sri_sim_world *world)
{
    return world->powerless;
}

bool sri_sim_world_fuse_burnt(const struct sri_sim_world *world)
{
    return world->burnt;
}

static bool has_rings(const struct sri_sim_world *world)
{
    for (int fd = SRI_FIRST_FD; fd < world->highest; fd++) {
        const struct sri_file *file = world->slots[fd].file;
        if (file != NULL && file->kind == SRI_FILE_RING)
            return true;
    }
    return false;
}

int sri_sim_world_reboot(struct sri_sim_world *world)
{
    if (has_rings(world))
        return -EBUSY;
    sri_sim_world_lose_power(world);
    for (int fd = SRI_FIRST_FD; fd < world->highest; fd++)
        if (world->slots[fd].file != NULL)
            sri_descriptor_close(world, fd);
    world->powerless = false;
    world->fuse = UINT64_MAX;
    return 0;
}
