/*
 * Configurations: their defaults, and the check of every field. Never touches a ring.
 */
#include "safer_ring/config.h"

#include "base/checked.h"

#define DEFAULT_ENTRIES 128u

struct sr_config sr_config_default(void)
{
    return (struct sr_config){.entries = DEFAULT_ENTRIES,
                              .defer_taskrun = true,
                              .cancel_on_drop = true,
                              .polling_cpu = -1};
}

struct sr_config sr_config_low_latency(void)
{
    struct sr_config config = sr_config_default();
    config.entries = 64;
    config.kernel_polling = true;
    config.polling_idle_ms = 100;
    return config;
}

struct sr_config sr_config_high_throughput(void)
{
    struct sr_config config = sr_config_default();
    config.entries = 2048;
    config.completion_entries = 8192;
    return config;
}

struct sr_config sr_config_development(void)
{
    struct sr_config config = sr_config_default();
    config.check_lent_bytes = true;
    config.log_operations = true;
    config.pool_clear = true;
    return config;
}

/* A CPU's worth of entries, and what a ring of so many takes: entries, completions, slots, arguments. */
#define ENTRIES_PER_CPU 64u
#define ENTRIES_MOST 1024u
#define BYTES_PER_ENTRY 1024u
/* A ring may have this part of the memory there is. */
#define MEMORY_SHARE 1024u

static uint32_t entries_for(const struct sr_system *system)
{
    uint32_t entries = DEFAULT_ENTRIES;
    while (entries < ENTRIES_MOST && entries < ENTRIES_PER_CPU * system->cpus)
        entries *= 2;
    uint64_t room = system->memory_bytes / MEMORY_SHARE;
    if (room > system->lockable_bytes / 2)
        room = system->lockable_bytes / 2;
    while (entries > 8 && (uint64_t)entries * BYTES_PER_ENTRY > room)
        entries /= 2;
    return entries;
}

int sr_config_auto_detect(struct sr_config *out, const struct sr_system *system)
{
    struct sr_system here;
    if (out == NULL)
        return -EINVAL;
    if (system == NULL) {
        int rc = sr_system_probe(&here);
        if (rc != 0)
            return rc;
        system = &here;
    }
    struct sr_config config = sr_config_default();
    config.entries = entries_for(system);
    config.defer_taskrun = system->io_uring == 0 && (system->setup_flags & IORING_SETUP_DEFER_TASKRUN) != 0;
    if (system->numa_nodes > 1 && system->io_uring == 0)
        config.max_workers = system->cpus > system->numa_nodes ? system->cpus / system->numa_nodes : 1;
    *out = config;
    return 0;
}

static const char *wrong_field(const struct sr_config *config)
{
    if (config->backend != NULL &&
        (config->backend->vtable == NULL || config->backend->vtable->version != SR_BACKEND_VERSION))
        return "backend";
    if (config->entries == 0 || config->entries > SR_ENTRIES_MAX)
        return "entries";
    uint32_t asked = config->completion_entries;
    if (asked != 0 && (asked < config->entries || asked > 2 * SR_ENTRIES_MAX))
        return "completion_entries";
    uint32_t completions = asked != 0 ? sri_round_up_pow2(asked) : 2 * sri_round_up_pow2(config->entries);
    if (config->max_in_flight > SR_IN_FLIGHT_MAX)
        return "max_in_flight";
    if (config->queue_entries != 0 && config->queue_entries < completions)
        return "queue_entries";
    if (config->shot_entries > SR_SHOTS_MAX)
        return "shot_entries";
    if (config->argument_bytes != 0 &&
        (config->argument_bytes < 64 || config->argument_bytes > SR_ARGUMENT_BYTES_MAX))
        return "argument_bytes";
    if (config->post_entries > 65536)
        return "post_entries";
    if ((unsigned)config->fence > SR_FENCE_PAGES)
        return "fence";
    if (config->polling_idle_ms > SR_POLLING_IDLE_MS_MAX)
        return "polling_idle_ms";
    if (config->polling_cpu < -1 || config->polling_cpu > 1023)
        return "polling_cpu";
    if (config->max_workers > 65535)
        return "max_workers";
    if (config->pool_buffers > SR_POOL_CAPACITY_MAX)
        return "pool_buffers";
    if (config->pool_buffers != 0 && config->pool_buffer_size == 0)
        return "pool_buffer_size";
    if (config->fixed_files > SR_FIXED_FILES_MAX)
        return "fixed_files";
    if (config->fixed_buffers > SR_FIXED_BUFFERS_MAX)
        return "fixed_buffers";
    return NULL;
}

int sr_config_check(const struct sr_config *config, const char **field)
{
    const char *wrong = config != NULL ? wrong_field(config) : "config";
    if (wrong != NULL && field != NULL)
        *field = wrong;
    return wrong == NULL ? 0 : -EINVAL;
}
