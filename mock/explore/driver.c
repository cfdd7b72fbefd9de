/*
 * Drivers of campaigns. Priorities after "A randomized scheduler with probabilistic guarantees of finding bugs" (Burckhardt and
 * others, 2010): a bug that needs d operations in one order is found with a chance that does not shrink with the length of
 * the run as that of even choices does. Integers only.
 */
#include "explore/driver.h"

const char *const sri_driving_names[SRI_DRIVINGS] = {
    [SRI_DRIVE_SEED] = "seed",
    [SRI_DRIVE_UNIFORM] = "uniform",
    [SRI_DRIVE_SWARM] = "swarm",
    [SRI_DRIVE_PRIORITY] = "priority",
};

/* A run asks about so many delays, more or less. */
#define LENGTH 256u

static uint32_t draw(struct sri_steering *steering, uint32_t n)
{
    uint64_t z = steering->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(((z ^ (z >> 31)) >> 32) * n >> 32);
}

static uint32_t as_drawn(void *self, const struct sri_question *question, uint32_t freedom, uint32_t drawn)
{
    (void)self;
    (void)question;
    (void)freedom;
    return drawn;
}

/* The priority of a request is how long it is let wait; at a change point it loses against all others. */
static uint32_t by_priority(void *self, const struct sri_question *question, uint32_t freedom, uint32_t drawn)
{
    struct sri_steering *steering = self;
    (void)freedom;
    if (question->why == SRI_WHY_ORDER)
        return 0;
    if (question->why != SRI_WHY_DELAY)
        return drawn;
    uint32_t at = steering->questions++;
    for (uint32_t i = 0; i < SRI_PRIORITY_CHANGES; i++)
        if (steering->changes[i] == at)
            return question->n - 1;
    return draw(steering, question->n - 1);
}

void sri_steer(struct sri_steering *steering, enum sri_driving driving, struct sri_run *run)
{
    static const enum sri_luck lucks[SRI_DRIVINGS] = {
        [SRI_DRIVE_SEED] = SRI_LUCK_DRIVEN,
        [SRI_DRIVE_UNIFORM] = SRI_LUCK_EVEN,
        [SRI_DRIVE_SWARM] = SRI_LUCK_SWARM,
        [SRI_DRIVE_PRIORITY] = SRI_LUCK_GENTLE,
    };
    if (driving == SRI_DRIVE_SEED || run->kind || run->by_body)
        return;
    bool priority = driving == SRI_DRIVE_PRIORITY;
    *steering = (struct sri_steering){.state = run->seed * UINT64_C(0xd1342543de82ef95) + 1};
    for (uint32_t i = 0; i < SRI_PRIORITY_CHANGES; i++)
        steering->changes[i] = draw(steering, LENGTH);
    steering->driver = (struct sri_driver){priority ? by_priority : as_drawn, steering};
    run->driver = &steering->driver;
    run->luck = lucks[driving];
}
