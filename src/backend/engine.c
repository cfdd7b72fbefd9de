/*
 * Joins the engine and the host world: the fallback where io_uring is refused (BACK-1). The only place in src that sees both.
 */
#include "backend/engine_backend.h"

#include <stddef.h>

#include "base/log.h"
#include "engine/engine.h"
#include "host/host.h"
#include "safer_ring/log.h"

static void log_refusal(void *self, const char *text)
{
    (void)self;
    sri_log(SR_LOG_WARNING, "engine: %s", text);
}

int sri_engine_host_backend(struct sr_backend *out)
{
    struct sri_world world;
    int rc = sri_host_world_new(&world);
    if (rc != 0)
        return rc;
    struct sri_engine *engine;
    struct sri_chooser kind = {NULL, NULL};
    rc = sri_engine_new(&engine, world, kind);
    if (rc != 0) {
        world.vtable->release(world.self);
        return rc;
    }
    sri_host_world_attach(world, engine);
    const struct sri_engine_options options = {.refused = log_refusal};
    sri_engine_set_options(engine, &options);
    *out = sri_engine_backend(engine, "engine");
    return 0;
}
