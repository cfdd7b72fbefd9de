/*
 * Configurations: their defaults, and the check of every field. Never touches a ring.
 */
#include "safer_ring/config.h"

#include "base/checked.h"

#define DEFAULT_ENTRIES 128u

struct sr_config sr_config_default(void)
{
    return (struct sr_config){.entries = DEFAULT_ENTRIES, .defer_taskrun = true, .cancel_on_drop = true};
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
