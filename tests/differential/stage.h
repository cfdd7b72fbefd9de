/*
 * A kernel and the objects of one program on it.
 */
#ifndef TESTS_DIFFERENTIAL_STAGE_H
#define TESTS_DIFFERENTIAL_STAGE_H

#include <sys/uio.h>

#include "engine/chooser.h"
#include "explore/env.h"
#include "outcome.h"
#include "program.h"
#include "support/raw_ring.h"

enum {
    DF_GROUP_BUFFERS = 4,
    DF_GROUP_BYTES = 16
};

/* What an entry points to; stays where it is until the program has ended. */
struct df_memory {
    unsigned char bytes[DF_BYTES];
    struct iovec segments[2];
    struct msghdr message;
    struct sockaddr_storage peer;
    socklen_t peer_length;
    struct __kernel_timespec time;
    char path[192];
};

struct df_stage {
    const char *name;
    struct sr_backend backend;
    struct sri_env env;
    struct sr_sim *sim;         /* NULL: this machine's objects */
    struct sri_chooser chooser; /* of the simulated kernel, once the objects are made */
    struct sri_host_env host;
    uint64_t patience_ns;
    struct raw_ring ring;
    int fd[DF_OBJECTS][2];
    struct sockaddr_storage address[DF_OBJECTS];
    uint32_t address_length[DF_OBJECTS];
    int opened[DF_ENTRIES]; /* descriptors that operations made */
    uint32_t opened_count;
    struct df_memory memory[DF_ENTRIES];
    unsigned char group[DF_GROUP_BUFFERS][DF_GROUP_BYTES];
    _Alignas(4096) unsigned char group_ring[4096];
};

/* "uring", "engine" or "sim": 0 or -errno. `folder` is where files go. */
int df_stage_open(struct df_stage *stage, const char *name, const char *folder);
void df_stage_close(struct df_stage *stage);

/* Objects and a ring for a program; the simulated kernel starts over. 0, or what refused. */
int df_stage_set(struct df_stage *stage, const struct df_program *program);

/* The result of the first CQE, waited for. */
int df_stage_take_one(struct df_stage *stage);

/* Takes all away again. */
void df_stage_strike(struct df_stage *stage, const struct df_program *program);

/* Facts of what the objects hold now. */
void df_stage_look(struct df_stage *stage, const struct df_program *program, struct df_outcome *outcome,
                   uint32_t round);

/* registrations.c: what a program has registered; 0 or -errno. And what a registration between rounds returned. */
int df_stage_register(struct df_stage *stage, const struct df_program *program);
int df_stage_registration(struct df_stage *stage, const struct df_program *program,
                          const struct df_round *round);

/* A poke from outside: bytes moved or -errno. */
int df_stage_poke(struct df_stage *stage, const struct df_poke *poke);

/* The path of an object's file; of another kind, one that is not there. */
void df_stage_path(struct df_stage *stage, const struct df_program *program, unsigned object, char *out,
                   size_t size);

#endif
