/*
 * Where a scenario plays: its choices (the tape), its surroundings, and the model through which it uses the library. Ends
 * every run the same way: bad luck off, everything drained in a bounded number of steps, nothing owed.
 */
#ifndef SRI_EXPLORE_STAGE_H
#define SRI_EXPLORE_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "explore/env.h"
#include "fate/tape.h"
#include "oracle/model.h"
#include "oracle/shots.h"
#include "oracle/streams.h"

#define SRI_STAGE_FDS 128

struct sri_stage {
    struct sri_model *model;
    struct sri_env env;
    struct sri_tape *tape;
    bool kind;                             /* every choice is 0 */
    bool ending;                           /* the scenario is over: callbacks only end what they are given */
    void (*wake)(struct sri_stage *stage); /* lets what waits for the world go on; may be NULL */
    void *wake_user;
    int fds[SRI_STAGE_FDS]; /* descriptors the scenario owes a close */
    uint32_t fd_count;
};

struct sri_scenario {
    const char *name;
    const char *text; /* one line */
    void (*play)(struct sri_stage *stage);
};

/*
 * One of n choices, 0 the kindest. Never two of them among the arguments of one call or in one initializer: their order would
 * be the compiler's, and a seed another run with each.
 */
uint32_t sri_choose(struct sri_stage *stage, uint32_t n);
/* Not 0 in `per_1024` of 1024 cases. */
bool sri_chance(struct sri_stage *stage, uint32_t per_1024);

/* From now on nothing goes wrong any more: neither by luck nor on purpose. */
void sri_stage_calm(struct sri_stage *stage);

/* A descriptor is the scenario's to close; sri_stage_close() closes one, the end all. */
void sri_stage_own(struct sri_stage *stage, int fd);
void sri_stage_disown(struct sri_stage *stage, int fd);
void sri_stage_close(struct sri_stage *stage, int fd);
/* One of those, or -1. */
int sri_stage_fd(struct sri_stage *stage, uint32_t which);

/* Opens the model's ring, again and again while bad luck refuses it. false: it can't be had. */
bool sri_stage_open(struct sri_stage *stage, const struct sr_config *config);

/* Bytes that tell their place: position `at` of stream `key`. */
uint8_t sri_pattern(uint64_t key, uint64_t at);
void sri_pattern_fill(uint64_t key, uint64_t at, void *bytes, size_t size);
/* The first place that differs, or `size`. */
size_t sri_pattern_match(uint64_t key, uint64_t at, const void *bytes, size_t size);

/* Ends the run: drains, closes the ring, gives everything back, and judges what is owed. */
void sri_stage_end(struct sri_stage *stage);

#endif
