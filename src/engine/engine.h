/*
 * The ring engine: io_uring's semantics in user space, over a world of file objects and a chooser for what a kernel is
 * free to decide. No system call, no clock and no randomness of its own.
 */
#ifndef SRI_ENGINE_ENGINE_H
#define SRI_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/chooser.h"
#include "engine/observer.h"
#include "engine/user.h"
#include "engine/world.h"
#include "safer_ring/backend.h"

struct sri_engine;

/* The door an engine uses, for worlds that must read or write the program's memory. */
struct sri_user *sri_engine_user(struct sri_engine *engine);

/*
 * One kernel over `world`. The world is given to the engine, which releases it at its end. -ENOMEM. A chooser with
 * vtable NULL is the kind one.
 */
int sri_engine_new(struct sri_engine **out, struct sri_world world, struct sri_chooser chooser);

/* Closes what rings are still open, drops their requests, releases the world. */
void sri_engine_free(struct sri_engine **engine);

/* Back to the state after sri_engine_new(), keeping memory: no ring, no request. The world is the caller's to reset. */
void sri_engine_reset(struct sri_engine *engine);

/* How a kernel differs from the one that this engine imitates. Zeroed: not at all. */
struct sri_engine_options {
    /*
     * What is not there, as with an older kernel; a bit each. A hidden feature is not told; IORING_FEAT_NODROP,
     * IORING_FEAT_EXT_ARG and IORING_FEAT_CQE_SKIP are not done either.
     */
    uint32_t hidden_features;      /* IORING_FEAT_* */
    uint32_t hidden_setup_flags;   /* IORING_SETUP_*: -EINVAL */
    uint64_t hidden_operations;    /* 1 << IORING_OP_*: a CQE of -EINVAL, and the probe says so */
    uint64_t hidden_registrations; /* 1 << IORING_REGISTER_*: -EINVAL */

    /*
     * Programs poll the rings' own descriptors, which must not stay readable, and look at the rings' flags alone for a
     * reason to enter (completion.c). Whoever looks at the engine's own word does without.
     */
    bool shows_readable;

    /* Is told when the world calls back: an attempt may go on (result NULL) or has ended. NULL: nobody is. */
    void (*called_back)(void *self, struct sri_attempt *attempt, const int64_t *result);
    void *called_back_self;

    /* Is told once of each thing that is refused since it is not simulated at all, in one line. NULL: nobody is. */
    void (*refused)(void *self, const char *text);
    void *refused_self;
};

/*
 * So many words behind a ring's flags (sq_off.flags) is a word of the engine's own: not 0 while the ring's descriptor is shown
 * readable. Nobody sees a program take its CQEs, so whoever finds none and reads this enters, and the descriptor is put right.
 */
#define SRI_READABLE_BEHIND_FLAGS 1

/* Replaces the options. No ring may be open. */
void sri_engine_set_options(struct sri_engine *engine, const struct sri_engine_options *options);

/* The interface of backend.h over this engine. Its release() frees the engine. */
struct sr_backend sri_engine_backend(struct sri_engine *engine, const char *name);

/* Replaces the chooser; used to switch faults off before a run must drain. */
void sri_engine_set_chooser(struct sri_engine *engine, struct sri_chooser chooser);

/* At most SRI_OBSERVERS, called in order of adding. -ENOSPC. */
#define SRI_OBSERVERS 8
int sri_engine_add_observer(struct sri_engine *engine, struct sri_observer observer);
void sri_engine_remove_observers(struct sri_engine *engine);

/* Requests consumed and not ended, over all rings; and how many were ever consumed. */
uint64_t sri_engine_in_flight(const struct sri_engine *engine);
uint64_t sri_engine_consumed(const struct sri_engine *engine);

/* Runs what is due at the world's time now, at most `limit` steps (0: all). Returns the number of steps made. */
uint64_t sri_engine_run_due(struct sri_engine *engine, uint64_t limit);

/* A request that a script holds (SRI_HOLD) goes on, as soon as the engine runs; also from within an observer. */
#define SRI_LET_GO 64
void sri_engine_let_go(struct sri_engine *engine, uint64_t number);

/*
 * The program sleeps elsewhere, or looks at its CQs without a call: what is due runs, what a woken SQPOLL thread had left in an SQ
 * is taken, and what the rings' descriptors show is put right by what their CQs hold then.
 */
void sri_engine_go_on(struct sri_engine *engine);

/*
 * Guests: other processes that use a ring of this kernel (a forked child). `pid` is its number, `process` what the world knows it
 * by (file_of()), the caller's until the guest's end. A number above 0; -EAGAIN: there are too many; -ENOMEM.
 */
int sri_engine_guest_new(struct sri_engine *engine, int pid, int process);

enum sri_guest_end {
    SRI_GUEST_LIVES,
    SRI_GUEST_ENDED,   /* exit(2): what it has in flight goes on as far as it can without it */
    SRI_GUEST_CHANGED, /* execve(2): it is cancelled */
};

/* It calls no more. */
void sri_engine_guest_end(struct sri_engine *engine, int guest, enum sri_guest_end end);

struct sri_guest_call {
    int guest;
    int fd;          /* the ring's, here */
    uint64_t thread; /* that calls, among all threads of all guests and this process's; not 0 */
};

/* As io_uring_enter() and io_uring_register(); addresses are the guest's. The first never waits. */
int sri_engine_guest_enter(struct sri_engine *engine, const struct sri_guest_call *call, uint32_t to_submit,
                           uint32_t flags, const void *arg, size_t arg_size);
int sri_engine_guest_register(struct sri_engine *engine, const struct sri_guest_call *call, uint32_t opcode,
                              void *arg, uint32_t count);

struct sri_ring_view {
    uint32_t visible; /* CQEs in its CQ */
    uint32_t cq_entries;
    uint32_t expired; /* timeouts that ended by themselves: each ends a wait */
};

/* How a ring's CQ stands; all 0 where there is no ring. */
struct sri_ring_view sri_engine_view(struct sri_engine *engine, int fd);

/* When the next thing is due in this kernel (a delayed request, a timeout), or SRI_NEVER. */
uint64_t sri_engine_next_due_ns(const struct sri_engine *engine);

/* From a world: the attempt may go on; or it is done with this result. The world has forgotten it (list and state). */
void sri_engine_ready(struct sri_engine *engine, struct sri_attempt *attempt);
void sri_engine_finish(struct sri_engine *engine, struct sri_attempt *attempt, int64_t result);

/* From a world: nothing refers to this file any more. True: the engine says when it is to end (file_end()). */
bool sri_engine_part(struct sri_engine *engine, struct sri_file *file);

/* A kernel's own name for an opcode, as in the headers without IORING_OP_: "READV"; "?" when unknown. */
const char *sri_opcode_name(uint8_t opcode);

#endif
