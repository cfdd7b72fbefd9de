/*
 * One run of a loop: what makes it what it is, and its name in SAFER_RING_TAPE. Runs nothing.
 */
#ifndef SRI_SIM_PLAN_H
#define SRI_SIM_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sri_plan_luck {
    SRI_PLAN_KIND,
    SRI_PLAN_SEED,
    SRI_PLAN_IMAGE,  /* kind, but for what a loss of power leaves */
    SRI_PLAN_BODY,   /* by a tape's body */
    SRI_PLAN_DRIVEN, /* its choices come one by one: its name is the body it had */
};

struct sri_plan {
    enum sri_plan_luck luck;
    uint64_t seed;
    const uint8_t *body;
    size_t size;
    bool loses_power;
    uint64_t power_after; /* operations */
    uint64_t allocation;  /* the nth fails; 0 none */
    bool sticky;          /* … and those after it */
};

/*
 * The name: words with commas between: `kind`, `seed=N`, `image=N` or `body=HEX`; `power=N`; `allocation=N` or
 * `allocation=N+`. Like snprintf(3), ends with a 0 when size is not 0. The zeros at the end of a body are left out.
 */
size_t sri_plan_name(const struct sri_plan *plan, char *text, size_t size);

/*
 * The plan of a name; a body is written to `room`. 0, or -EINVAL with the place of the first character that is wrong. A
 * name that holds `/` or `.` is a tape file's, and not for this function: -ENOENT.
 */
int sri_plan_parse(struct sri_plan *plan, const char *text, uint8_t *room, size_t room_size, size_t *wrong);

#endif
