/*
 * The kernels of this machine, for campaigns: the true one, and the engine over this machine's descriptors with its events
 * in sight. Judges nothing.
 */
#include <errno.h>
#include <string.h>

#include "backend/uring.h"
#include "cli/cli.h"
#include "engine/engine.h"
#include "host/host.h"

/* Is a ring to be had at all? */
static int try_setup(const struct sr_backend *backend)
{
    struct io_uring_params params;
    memset(&params, 0, sizeof params);
    int ring = backend->vtable->setup(backend->self, 4, &params);
    if (ring >= 0)
        backend->vtable->close(backend->self, ring);
    return ring < 0 ? ring : 0;
}

int sri_make_uring(struct sri_kernel *kernel)
{
    *kernel = (struct sri_kernel){.name = "uring"};
    int rc = sri_uring_backend(&kernel->backend);
    if (rc != 0)
        return rc;
    rc = try_setup(&kernel->backend);
    if (rc != 0)
        sri_release_kernel(kernel);
    return rc;
}

int sri_make_engine(struct sri_kernel *kernel)
{
    struct sri_world world;
    struct sri_chooser kind = {NULL, NULL};
    *kernel = (struct sri_kernel){.name = "engine"};
    int rc = sri_host_world_new(&world);
    if (rc != 0)
        return rc;
    rc = sri_engine_new(&kernel->engine, world, kind);
    if (rc != 0) {
        world.vtable->release(world.self);
        return rc;
    }
    sri_host_world_attach(world, kernel->engine);
    kernel->backend = sri_engine_backend(kernel->engine, "engine");
    return 0;
}

void sri_release_kernel(struct sri_kernel *kernel)
{
    if (kernel->backend.vtable != NULL)
        kernel->backend.vtable->release(kernel->backend.self);
    memset(kernel, 0, sizeof *kernel);
}

bool sri_backend_named(const char *name, size_t length, struct sri_backend_choice *choice)
{
    static const struct sri_backend_choice choices[] = {
        {"sim", true, NULL, NULL},
        {"engine", false, sri_make_engine, sri_release_kernel},
        {"uring", false, sri_make_uring, sri_release_kernel},
    };
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++)
        if (strlen(choices[i].name) == length && strncmp(choices[i].name, name, length) == 0) {
            *choice = choices[i];
            return true;
        }
    return false;
}
