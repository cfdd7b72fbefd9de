/*
 * Registries: their life, and fixed files (REG-1 … REG-3). The use of a file by operations is counted here.
 */
#include "ring/registry.h"

#include "base/alloc.h"

static void count_users(const struct sr_ring *ring, struct sri_place_entry *place);
static void await_users(struct sr_ring *ring, const struct sri_place_entry *place);

/* ---- life ---- */

int sr_registry_new(struct sr_ring *ring, struct sr_registry **out)
{
    if (ring == NULL || out == NULL)
        return -EINVAL;
    int refused = sri_ring_check(ring);
    if (refused != 0)
        return refused;
    struct sr_registry *registry = sri_tables_of(ring) != NULL ? sri_alloc_zero(1, sizeof *registry) : NULL;
    if (registry == NULL)
        return -ENOMEM;
    registry->ring = ring;
    registry->registration.ring = ring;
    sri_list_init(&registry->files);
    sri_slots_init(registry);
    SRI_REQUIRE(sr_ring_hold(ring, &registry->hold, "a registry") == 0);
    *out = registry;
    return 0;
}

void sri_registry_count(const struct sri_node *places, uint32_t *count, uint32_t *in_use)
{
    *count = *in_use = 0;
    for (struct sri_node *node = places->next; node != places; node = node->next) {
        ++*count;
        *in_use += sri_place_at(node)->state != SRI_PLACE_IDLE;
    }
}

static void count_files(const struct sr_registry *registry, uint32_t *count, uint32_t *in_use)
{
    for (struct sri_node *node = registry->files.next; node != &registry->files; node = node->next)
        if (sri_place_at(node)->state != SRI_PLACE_RETIRING)
            count_users(registry->ring, sri_place_at(node));
    sri_registry_count(&registry->files, count, in_use);
}

int sr_registry_stats(struct sr_registry *registry, struct sr_registry_stats *stats)
{
    if (registry == NULL || stats == NULL)
        return -EINVAL;
    int refused = sri_registry_check(registry);
    if (refused != 0)
        return refused;
    count_files(registry, &stats->files, &stats->files_in_use);
    sri_lock_take(&registry->ring->tables->lock);
    sri_registry_count(&registry->slots, &stats->slots, &stats->slots_in_use);
    sri_lock_give(&registry->ring->tables->lock);
    return 0;
}

static void empty_file(struct sr_ring *ring, struct sri_place_entry *place)
{
    sri_place_forget(ring->tables, place);
    sri_place_empty(ring, &ring->tables->files, place);
}

/* A file nobody uses leaves the table. */
static void remove_file(struct sr_ring *ring, struct sri_place_entry *place)
{
    SRI_REQUIRE(sri_place_move(&place->state, SRI_PLACE_REMOVE) == 0);
    empty_file(ring, place);
}

static void remove_files(struct sr_registry *registry)
{
    while (!sri_list_empty(&registry->files))
        remove_file(registry->ring, sri_place_at(registry->files.next));
}

/* In a forked child the tables are the child's copy, and the kernel is not asked (RING-6). */
static void forget_files(struct sr_registry *registry)
{
    while (!sri_list_empty(&registry->files))
        sri_list_remove(registry->files.next);
}

int sr_registry_free(struct sr_registry **handle)
{
    struct sr_registry_stats stats;
    if (handle == NULL || *handle == NULL)
        return -EINVAL;
    struct sr_registry *registry = *handle;
    int refused = sr_registry_stats(registry, &stats);
    if (refused == 0 && (stats.files_in_use != 0 || stats.slots_in_use != 0))
        refused = SR_EBUFFER_IN_FLIGHT;
    bool inherited = refused == SR_EWRONG_PROCESS;
    if (refused != 0 && !inherited)
        return refused;
    if (inherited)
        forget_files(registry);
    else
        remove_files(registry);
    sri_slots_leave(registry, !inherited);
    if (!inherited)
        sri_tables_tidy(registry->ring);
    sr_ring_let_go(&registry->hold);
    sri_free(registry);
    *handle = NULL;
    return 0;
}

/* ---- files ---- */

static void take_in(struct sr_registry *registry, struct sri_place_entry *place, struct sr_fixed_file *file)
{
    place->registry = registry;
    sri_list_append(&registry->files, &place->node);
    *file = (struct sr_fixed_file){sri_place_index(&registry->ring->tables->files, place), place->generation};
}

static int register_files(struct sr_registry *registry, const int fds[], uint32_t count,
                          struct sr_fixed_file files[], uint32_t places[])
{
    struct sri_table *table = &registry->ring->tables->files;
    /* -1 and -2 mean something else to the kernel: no file, and no change. */
    for (uint32_t i = 0; i < count; i++)
        if (fds[i] < 0)
            return -EBADF;
    int rc = sri_places_find(registry->ring, table, count, true, places);
    if (rc == 0)
        rc = sri_places_fill(registry->ring, table, places, fds, count);
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        take_in(registry, &table->places[places[i]], &files[i]);
    return rc;
}

SR_UNCHECKED int sr_registry_register_fixed_files(struct sr_registry *registry, const int fds[], size_t count,
                                                  struct sr_fixed_file files[])
{
    if (fds == NULL || files == NULL || count == 0)
        return -EINVAL;
    int rc = sri_registry_check(registry);
    if (rc != 0)
        return rc;
    if (count > registry->ring->fixed_files)
        return -ENOSPC;
    uint32_t *places = sri_alloc(count * sizeof places[0]);
    if (places == NULL)
        return -ENOMEM;
    rc = register_files(registry, fds, (uint32_t)count, files, places);
    sri_free(places);
    return rc;
}

SR_UNCHECKED int sr_registry_register_fixed_file(struct sr_registry *registry, int fd,
                                                 struct sr_fixed_file *file)
{
    return sr_registry_register_fixed_files(registry, &fd, 1, file);
}

/* The place of a registry's own file; the status says why there is none. */
static int find_file(const struct sr_registry *registry, const struct sr_fixed_file *file,
                     struct sri_place_entry **place)
{
    if (file == NULL)
        return -EINVAL;
    int refused = sri_registry_check(registry);
    if (refused != 0)
        return refused;
    *place = sri_place_of(&registry->ring->tables->files, file->index, file->generation);
    if (*place == NULL || (*place)->registry != registry)
        return SR_ENOT_REGISTERED;
    count_users(registry->ring, *place);
    return 0;
}

/*
 * The kernel empties a place before it looks at the descriptor that is to come there (measured), so the new file gets a place
 * of its own first: the one that is always kept free.
 */
static int replace_file(struct sr_registry *registry, struct sri_place_entry *old, int fd,
                        struct sr_fixed_file *file)
{
    struct sr_ring *ring = registry->ring;
    struct sri_table *table = &ring->tables->files;
    uint32_t index;
    int rc = fd >= 0 ? sri_places_find(ring, table, 1, false, &index) : -EBADF;
    if (rc == 0)
        rc = sri_places_fill(ring, table, &index, &fd, 1);
    if (rc != 0)
        return rc;
    remove_file(ring, old);
    take_in(registry, &table->places[index], file);
    return 0;
}

SR_UNCHECKED int sr_registry_update_fixed_file(struct sr_registry *registry, struct sr_fixed_file *file,
                                               int fd)
{
    struct sri_place_entry *place;
    int rc = find_file(registry, file, &place);
    if (rc == 0)
        rc = sri_place_move(&place->state, SRI_PLACE_REPLACE);
    return rc == 0 ? replace_file(registry, place, fd, file) : rc;
}

SR_UNCHECKED int sr_registry_remove_fixed_file(struct sr_registry *registry, struct sr_fixed_file *file)
{
    struct sri_place_entry *place;
    int rc = find_file(registry, file, &place);
    if (rc == 0)
        rc = sri_place_move(&place->state, SRI_PLACE_REMOVE);
    if (rc != 0)
        return rc;
    empty_file(registry->ring, place);
    *file = (struct sr_fixed_file){0, 0};
    return 0;
}

SR_UNCHECKED int sr_registry_retire_fixed_file(struct sr_registry *registry, struct sr_fixed_file *file)
{
    struct sri_place_entry *place;
    int rc = find_file(registry, file, &place);
    if (rc == 0)
        rc = sri_place_move(&place->state, SRI_PLACE_RETIRE);
    if (rc != 0)
        return rc;
    if (place->state == SRI_PLACE_EMPTY)
        empty_file(registry->ring, place);
    else
        await_users(registry->ring, place);
    *file = (struct sr_fixed_file){0, 0};
    return 0;
}

int sr_registry_unregister_fixed_files(struct sr_registry *registry)
{
    uint32_t count;
    uint32_t in_use;
    int rc = sri_registry_check(registry);
    if (rc != 0)
        return rc;
    count_files(registry, &count, &in_use);
    if (in_use != 0)
        return SR_EBUFFER_IN_FLIGHT;
    remove_files(registry);
    return 0;
}

/* ---- a file's users ---- */

int sri_fixed_check(const struct sr_ring *ring, const struct sr_op_spec *spec)
{
    const struct sr_fd *target = &spec->target;
    if (ring->tables == NULL || target->number < 0 ||
        sri_place_of(&ring->tables->files, (uint32_t)target->number, target->generation) == NULL)
        return SR_ENOT_REGISTERED;
    /* The kernel closes a fixed file by another operation, and opens below none. */
    return spec->opcode == IORING_OP_CLOSE || spec->opcode == IORING_OP_OPENAT ? -EOPNOTSUPP : 0;
}

static bool is_in_flight(const struct sri_slot *slot)
{
    return slot->state >= SRI_OPERATION_QUEUED && slot->state <= SRI_OPERATION_DELIVERED;
}

/* The place of its fixed file, or UINT32_MAX. */
static uint32_t file_of(const struct sr_ring *ring, const struct sri_slot *slot)
{
    const struct sri_file_use *use = &ring->tables->uses[sri_slot_index(ring, slot)];
    return use->id == slot->id ? use->place : UINT32_MAX;
}

bool sri_is_fixed(const struct sr_ring *ring, const struct sri_slot *slot)
{
    return ring->tables != NULL && file_of(ring, slot) != UINT32_MAX;
}

/* Of a file about to be asked after: its state follows who uses it now. */
static void count_users(const struct sr_ring *ring, struct sri_place_entry *place)
{
    uint32_t index = sri_place_index(&ring->tables->files, place);
    place->users = 0;
    for (uint32_t i = 0; i < ring->slot_count; i++)
        place->users += is_in_flight(&ring->hot.slots[i]) && file_of(ring, &ring->hot.slots[i]) == index;
    bool used = place->state != SRI_PLACE_IDLE;
    if (used != (place->users > 0))
        SRI_REQUIRE(sri_place_move(&place->state, used ? SRI_PLACE_LAST : SRI_PLACE_USE) == 0);
}

/* From now on something is owed to each that uses it, which brings its end to sri_fixed_end(). */
static void await_users(struct sr_ring *ring, const struct sri_place_entry *place)
{
    uint32_t index = sri_place_index(&ring->tables->files, place);
    for (uint32_t i = 0; i < ring->slot_count; i++)
        if (is_in_flight(&ring->hot.slots[i]) && file_of(ring, &ring->hot.slots[i]) == index)
            sri_owe(&ring->hot.slots[i]);
}

void sri_fixed_end(struct sr_ring *ring, struct sri_slot *slot)
{
    uint32_t index = file_of(ring, slot);
    if (index == UINT32_MAX)
        return;
    struct sri_place_entry *place = &ring->tables->files.places[index];
    ring->tables->uses[sri_slot_index(ring, slot)].id = 0;
    if (place->state != SRI_PLACE_RETIRING)
        return;
    sri_repay(slot);
    place->users--;
    SRI_REQUIRE(sri_place_move(&place->state, place->users == 0 ? SRI_PLACE_LAST : SRI_PLACE_END) == 0);
    if (place->state == SRI_PLACE_EMPTY)
        empty_file(ring, place);
}
