/*
 * A ring's tables of fixed files and registered buffers: made sparse at the first need, filled all or nothing (REG-1). The only
 * file that registers with the kernel.
 */
#include "ring/tables.h"

#include <sys/resource.h>

#include "base/alloc.h"

/* Made-up numbers to begin generations with, so that a handle of another ring is hardly one of this (REG-2). */
static atomic_uint made;

static uint32_t next_first_generation(void)
{
    uint32_t first = (atomic_fetch_add_explicit(&made, 1, memory_order_relaxed) + 1) * UINT32_C(0x9e3779b1);
    return first != 0 ? first : 1;
}

struct sri_tables *sri_tables_of(struct sr_ring *ring)
{
    if (ring->tables != NULL)
        return ring->tables;
    struct sri_tables *tables = sri_alloc_zero(1, sizeof *tables);
    struct sri_file_use *uses = sri_alloc_zero(ring->slot_count, sizeof uses[0]);
    if (tables == NULL || uses == NULL) {
        sri_free(uses);
        sri_free(tables);
        return NULL;
    }
    tables->files = (struct sri_table){.make = IORING_REGISTER_FILES2,
                                       .update = IORING_REGISTER_FILES_UPDATE2,
                                       .item_size = sizeof(int)};
    tables->buffers = (struct sri_table){.make = IORING_REGISTER_BUFFERS2,
                                         .update = IORING_REGISTER_BUFFERS_UPDATE,
                                         .item_size = sizeof(struct iovec)};
    tables->uses = uses;
    tables->first_generation = next_first_generation();
    sri_list_init(&tables->pools);
    ring->tables = tables;
    return tables;
}

void sri_tables_free(struct sr_ring *ring)
{
    struct sri_tables *tables = ring->tables;
    if (tables == NULL)
        return;
    sri_free(tables->files.places);
    sri_free(tables->buffers.places);
    sri_free(tables->uses);
    sri_free(tables);
    ring->tables = NULL;
}

/* ---- the kernel's part ---- */

static int ask(struct sr_ring *ring, uint32_t opcode, void *argument, size_t size)
{
    return ring->kernel.vtable->register_(ring->kernel.self, ring->fd, opcode, argument, (uint32_t)size);
}

static int make(struct sr_ring *ring, struct sri_table *table)
{
    uint32_t wanted = table == &ring->tables->files ? ring->fixed_files : ring->fixed_buffers;
    uint32_t count = wanted + 1; /* one for updates, which fill a place before they empty another */
    struct io_uring_rsrc_register sparse = {.nr = count, .flags = IORING_RSRC_REGISTER_SPARSE};
    struct sri_place_entry *places = sri_alloc_zero(count, sizeof places[0]);
    if (places == NULL)
        return -ENOMEM;
    int rc = ask(ring, table->make, &sparse, sizeof sparse);
    if (rc < 0) {
        sri_free(places);
        return rc;
    }
    for (uint32_t i = 0; i < count; i++) {
        places[i].generation = ring->tables->first_generation;
        sri_list_init(&places[i].node);
    }
    table->places = places;
    table->count = count;
    return 0;
}

/* What was done of `count` items, or -errno. */
static int update(struct sr_ring *ring, const struct sri_table *table, uint32_t first, const void *items,
                  uint32_t count)
{
    struct io_uring_rsrc_update2 change = {.offset = first, .data = (uint64_t)(uintptr_t)items, .nr = count};
    return ask(ring, table->update, &change, sizeof change);
}

/* Whatever stood there. A place that the kernel does not empty is not given to anybody. */
void sri_place_empty(struct sr_ring *ring, struct sri_table *table, struct sri_place_entry *place)
{
    static const int no_file = -1;
    static const struct iovec no_buffer;
    bool files = table == &ring->tables->files;
    int rc = update(ring, table, sri_place_index(table, place),
                    files ? (const void *)&no_file : (const void *)&no_buffer, 1);
    sri_lock_take(&ring->tables->lock);
    place->unemptied = rc != 1;
    ring->tables->unemptied |= place->unemptied;
    sri_lock_give(&ring->tables->lock);
}

/* The next place whose emptying another thread, or the kernel, has left for later. */
static struct sri_place_entry *next_unemptied(struct sri_tables *tables, const struct sri_table *table,
                                              uint32_t *from)
{
    struct sri_place_entry *found = NULL;
    sri_lock_take(&tables->lock);
    for (; *from < table->count && found == NULL; ++*from)
        if (table->places[*from].unemptied)
            found = &table->places[*from];
    sri_lock_give(&tables->lock);
    return found;
}

void sri_tables_tidy(struct sr_ring *ring)
{
    struct sri_tables *tables = ring->tables;
    struct sri_table *both[2] = {&tables->files, &tables->buffers};
    sri_lock_take(&tables->lock);
    bool some = tables->unemptied;
    tables->unemptied = false;
    sri_lock_give(&tables->lock);
    for (int t = 0; some && t < 2; t++) {
        struct sri_place_entry *place;
        for (uint32_t from = 0; (place = next_unemptied(tables, both[t], &from)) != NULL;)
            sri_place_empty(ring, both[t], place);
    }
}

/* A run of places that follow each other. The kernel may stop at any item; what it has done is undone then. */
static int put(struct sr_ring *ring, struct sri_table *table, uint32_t first, const char *items,
               uint32_t count)
{
    uint32_t done = 0;
    while (done < count) {
        int rc = update(ring, table, first + done, items + done * table->item_size, count - done);
        if (rc <= 0) {
            while (done > 0)
                sri_place_empty(ring, table, &table->places[first + --done]);
            return rc < 0 ? rc : -EIO;
        }
        done += (uint32_t)rc;
    }
    return 0;
}

/* ---- places ---- */

int sri_places_find(struct sr_ring *ring, struct sri_table *table, uint32_t count, bool spare,
                    uint32_t places[])
{
    int rc = table->count == 0 ? make(ring, table) : 0;
    if (rc != 0)
        return rc;
    sri_tables_tidy(ring);
    uint32_t found = 0;
    uint32_t wanted = count + (spare ? 1 : 0);
    sri_lock_take(&ring->tables->lock);
    for (uint32_t i = 0; i < table->count && found < wanted; i++) {
        const struct sri_place_entry *place = &table->places[i];
        if (place->state != SRI_PLACE_EMPTY || place->unemptied)
            continue;
        if (found < count)
            places[found] = i;
        found++;
    }
    sri_lock_give(&ring->tables->lock);
    return found == wanted ? 0 : -ENOSPC;
}

/* The kernel says no more than ENOMEM, and it is seldom memory. */
static void say_limit(const struct sr_ring *ring)
{
    struct rlimit limit = {0, 0};
    getrlimit(RLIMIT_MEMLOCK, &limit);
    sri_log(
        SR_LOG_WARNING,
        "registering buffers (%s) answers ENOMEM: RLIMIT_MEMLOCK is %llu bytes; raise it (ulimit -l, LimitMEMLOCK=), "
        "or do without the registration",
        ring->kernel.vtable->name, (unsigned long long)limit.rlim_cur);
}

int sri_places_fill(struct sr_ring *ring, struct sri_table *table, const uint32_t places[], const void *items,
                    uint32_t count)
{
    const char *bytes = items;
    int rc = 0;
    uint32_t done = 0;
    while (rc == 0 && done < count) {
        uint32_t run = 1;
        while (done + run < count && places[done + run] == places[done] + run)
            run++;
        rc = put(ring, table, places[done], bytes + done * table->item_size, run);
        done += rc == 0 ? run : 0;
    }
    if (rc == -ENOMEM && table == &ring->tables->buffers)
        say_limit(ring);
    for (uint32_t i = 0; i < done; i++) {
        if (rc != 0)
            sri_place_empty(ring, table, &table->places[places[i]]);
        else
            SRI_REQUIRE(sri_place_move(&table->places[places[i]].state, SRI_PLACE_FILL) == 0);
    }
    return rc;
}

void sri_place_forget(struct sri_tables *tables, struct sri_place_entry *place)
{
    SRI_REQUIRE(place->state == SRI_PLACE_EMPTY);
    sri_list_remove(&place->node);
    place->registry = NULL;
    place->buffer = NULL;
    place->origin = NULL;
    place->generation++;
    if (place->generation == 0)
        place->generation++; /* no handle is all zero */
    if (place->generation == tables->first_generation)
        SRI_REQUIRE(sri_place_move(&place->state, SRI_PLACE_BURY) == 0);
    place->unemptied = true;
    tables->unemptied = true;
}
