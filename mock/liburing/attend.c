/*
 * Who works while the program sleeps elsewhere: a program that registered an eventfd sleeps on that, where the true kernel
 * would signal it whatever happens. A thread watches what the engine's operations wait for, and lets them go on. A program that
 * polls a ring's descriptor, and then looks at the CQ without a call, does the same at its polls (run/interpose_poll.c).
 */
#include <poll.h>
#include <time.h>

#include "host/host.h"
#include "liburing/attend.h"
#include "liburing/thread.h"

#define LOOK_AGAIN_MS 1000

static struct sri_world attended;
static struct sri_engine *engine;

static void pause_shortly(void)
{
    const struct timespec shortly = {.tv_sec = 0, .tv_nsec = 20000};
    (void)ppoll(NULL, 0, &shortly, NULL);
}

void sri_uring_go_on(struct sri_world world, struct sri_engine *of)
{
    sri_host_world_hurry(world);
    world.vtable->lock(world.self);
    (void)world.vtable->wait(world.self, 0, NULL, 0);
    world.vtable->unlock(world.self);
    sri_engine_go_on(of);
}

static void *attend(void *argument)
{
    struct pollfd one = {.fd = sri_host_world_descriptor(attended), .events = POLLIN};
    (void)argument;
    for (;;) {
        if (poll(&one, 1, LOOK_AGAIN_MS) <= 0)
            continue;
        sri_uring_go_on(attended, engine);
        pause_shortly(); /* what woke us may be meant for another thread, which takes it */
    }
    return NULL;
}

int sri_uring_attend(struct sri_world world, struct sri_engine *of)
{
    attended = world;
    engine = of;
    return sri_uring_thread(attend);
}
