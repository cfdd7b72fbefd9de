/*
 * The simulated world's beginning, its way back to empty, and its end.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "engine/engine.h"
#include "world/objects.h"

#define FIRST_CLIENT_PORT 32768
#define DESCRIPTORS_MIN 4
#define DESCRIPTORS_MAX 65536

static void ready(void *self, struct sri_attempt *attempt)
{
    sri_engine_ready(self, attempt);
}

static void finish(void *self, struct sri_attempt *attempt, int64_t result)
{
    sri_engine_finish(self, attempt, result);
}

static bool part(void *self, struct sri_file *file)
{
    return sri_engine_part(self, file);
}

void sri_sim_world_link(struct sri_sim_world *world, const struct sri_sim_world_links *links)
{
    world->links = *links;
}

void sri_sim_world_attach(struct sri_sim_world *world, struct sri_engine *engine)
{
    struct sri_sim_world_links links = {ready, finish, part, engine, sri_engine_user(engine)};
    sri_sim_world_link(world, &links);
}

void sri_sim_world_set_chooser(struct sri_sim_world *world, struct sri_chooser chooser)
{
    world->chooser = chooser;
}

bool sri_sim_world_options_valid(const struct sri_sim_world_options *options)
{
    return options->max_descriptors >= DESCRIPTORS_MIN && options->max_descriptors <= DESCRIPTORS_MAX &&
           options->pipe_bytes >= SRI_PAGE_SIZE && options->window_bytes >= 1;
}

static int make_slots(struct sri_sim_world *world, uint32_t count)
{
    if (world->slot_count >= count)
        return 0;
    struct sri_slot *slots = sri_alloc_zero(count, sizeof *slots);
    if (slots == NULL)
        return -ENOMEM;
    sri_free(world->slots);
    world->slots = slots;
    world->slot_count = count;
    world->highest = 0;
    return 0;
}

/* Nothing in it refers to anything any more; the objects' own memory stays with them. */
static int empty(struct sri_sim_world *world)
{
    memset(world->slots, 0, (size_t)world->highest * sizeof *world->slots);
    world->lowest = SRI_FIRST_FD;
    world->highest = SRI_FIRST_FD;
    world->now_ns = SRI_START_NS;
    sri_power_reset(world);
    world->limit_next = 0;
    world->arrival_ns = SRI_NEVER;
    world->next_port = FIRST_CLIENT_PORT;
    atomic_store(&world->woken, false);
    sri_list_init(&world->under_way);
    sri_list_init(&world->named);
    sri_list_init(&world->blocked);
    sri_stock_reset(&world->files);
    sri_stock_reset(&world->pipes);
    sri_stock_reset(&world->sockets);
    sri_stock_reset(&world->watches);
    sri_stock_reset(&world->parcels);
    sri_disk_reset(&world->disk, world->options.disk_bytes);
    return sri_tree_reset(&world->tree);
}

int sri_sim_world_reset(struct sri_sim_world *world, const struct sri_sim_world_options *options)
{
    if (!sri_sim_world_options_valid(options))
        return -EINVAL;
    int rc = make_slots(world, options->max_descriptors);
    if (rc != 0)
        return rc;
    world->options = *options;
    return empty(world);
}

int sri_sim_world_new(struct sri_sim_world **out, const struct sri_sim_world_options *options)
{
    struct sri_sim_world *world = sri_alloc_zero(1, sizeof *world);
    if (world == NULL)
        return -ENOMEM;
    world->owner = pthread_self();
    world->pollable = -1;
    sri_disk_init(&world->disk);
    sri_power_init(world);
    sri_tree_init(&world->tree, &world->disk, &world->now_ns);
    sri_stock_init(&world->files, sizeof(struct sri_file), 32);
    sri_stock_init(&world->pipes, sizeof(struct sri_pipe), 16);
    sri_stock_init(&world->sockets, sizeof(struct sri_socket), 16);
    sri_stock_init(&world->watches, sizeof(struct sri_watch), 32);
    sri_stock_init(&world->parcels, sizeof(struct sri_parcel), 4);
    int rc = sri_sim_world_reset(world, options);
    if (rc != 0)
        sri_sim_world_free(&world);
    else
        *out = world;
    return rc;
}

static void destroy_pipe(void *pipe)
{
    sri_stream_fini(&((struct sri_pipe *)pipe)->stream);
    sri_pages_fini(&((struct sri_pipe *)pipe)->pages);
}

static void destroy_socket(void *socket)
{
    sri_stream_fini(&((struct sri_socket *)socket)->incoming);
}

void sri_sim_world_free(struct sri_sim_world **handle)
{
    struct sri_sim_world *world = *handle;
    if (world == NULL)
        return;
    *handle = NULL;
    if (world->pollable >= 0)
        close(world->pollable);
    sri_stock_fini(&world->files, NULL);
    sri_stock_fini(&world->pipes, destroy_pipe);
    sri_stock_fini(&world->sockets, destroy_socket);
    sri_stock_fini(&world->watches, NULL);
    sri_stock_fini(&world->parcels, NULL);
    sri_tree_fini(&world->tree);
    sri_disk_fini(&world->disk);
    sri_free(world->slots);
    sri_free(world);
}
