/*
 * A scriptable kernel for one ring, over plain memory: consumes what a test says, posts the CQEs a test says, answers with
 * the errors a test says, and remembers everything it was given. Time stands still but for waits that time out.
 *
 * It does nothing by itself: no operation is ever performed. Left alone it takes every entry; a wait finds what the test
 * posted, or what it promised for later (fake_kernel_promise), or lets its time pass (-ETIME), or can never end (-EDEADLK).
 */
#ifndef TESTS_SUPPORT_FAKE_KERNEL_H
#define TESTS_SUPPORT_FAKE_KERNEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "safer_ring/backend.h"

#define FAKE_RING_FD 100
#define FAKE_POLLABLE_FD 200
#define FAKE_ALL UINT32_MAX
#define FAKE_PLACES 256

/* How one enter goes. All zero but `take`: as if it were not scripted. */
struct fake_enter {
    uint32_t take; /* entries consumed at most; FAKE_ALL */
    int error; /* the answer instead of a count or a wait; negative. `take` is then 0 with the true kernel */
    bool returns_nothing; /* the answer is 0 whatever was consumed, and nothing was waited for */
};

struct fake_cqe {
    uint64_t user_data;
    int32_t res;
    uint32_t flags;
};

struct fake_kernel {
    /* ---- what a test sets before the ring is opened ---- */
    uint32_t refused_flags; /* setup flags answered with -EINVAL */
    int setup_error;        /* setup answers with this; 0: it works */
    uint32_t features;      /* told by setup; begins with all that the library needs, and SINGLE_MMAP */
    int map_fails_at;       /* the map, counted from 1, that answers -ENOMEM; 0: none */

    /* ---- at any time ---- */
    int register_error;
    uint32_t
        update_fails_at; /* of what is put into a table, counted from 1, this item and all later ones: -ENFILE; 0: none */
    uint32_t groups_taken; /* of provided buffers, from 0 on: -EEXIST */
    int wake_error;
    int close_error; /* of descriptors other than the ring */
    uint64_t now_ns;
    void (*on_enter)(struct fake_kernel *kernel, void *user); /* after consuming, before waiting; or NULL */
    void (*on_update)(
        struct fake_kernel *kernel); /* after something was put into a table, or taken out of it; or NULL */
    void *user;

    /* ---- what a test may read ---- */
    uint32_t setup_flags; /* of the setup that worked */
    uint32_t setups;
    uint32_t maps;
    uint32_t enters;
    uint32_t last_to_submit;
    uint32_t last_min_complete;
    uint32_t last_flags;
    uint64_t last_timeout_ns; /* UINT64_MAX: none */
    atomic_uint wakes;
    uint32_t enabled; /* times the ring was enabled */

    uint32_t updated_items;    /* put into a table, or tried to be; a test may set it back */
    uint32_t fixed_files_held; /* places that are not empty */
    uint32_t fixed_buffers_held;
    struct iovec buffers[FAKE_PLACES]; /* what was last put into a place */

    uint32_t seen_count; /* entries consumed, in order */
    struct io_uring_sqe seen[512];
    uint32_t closed_count; /* descriptors closed, the ring excluded */
    int closed[64];

    /* ---- its own ---- */
    bool open;
    bool disabled;
    bool fixed_files[FAKE_PLACES];
    bool fixed_buffers[FAKE_PLACES];
    uint32_t file_places;
    uint32_t buffer_places;
    uint32_t sq_entries;
    uint32_t cq_entries;
    uint32_t mappings;
    struct {
        void *memory;
        size_t length;
    } mapping[3];
    struct fake_enter script[64];
    uint32_t script_first;
    uint32_t script_count;
    struct fake_cqe promised[256];
    uint32_t promised_first;
    uint32_t promised_count;
    struct fake_cqe overflow[256];
    uint32_t overflow_first;
    uint32_t overflow_count;
    atomic_uint pending_wakes;
    _Atomic uint64_t wake_data;
};

/* A kernel without a ring. fake_kernel_free() asserts that its ring was closed and its memory unmapped. */
struct fake_kernel *fake_kernel_new(void);
void fake_kernel_free(struct fake_kernel *kernel);

struct sr_backend fake_kernel_backend(struct fake_kernel *kernel);

/* The next enter that is not scripted yet goes like this. */
void fake_kernel_script(struct fake_kernel *kernel, struct fake_enter enter);

/* The next `count` enters take nothing and answer with `error`. */
void fake_kernel_refuse(struct fake_kernel *kernel, int error, uint32_t count);

/* A CQE, now; past a full CQ it overflows, as with the true kernel. */
void fake_kernel_post(struct fake_kernel *kernel, uint64_t user_data, int32_t result);

/* The same with flags (IORING_CQE_F_*). */
void fake_kernel_post_flagged(struct fake_kernel *kernel, uint64_t user_data, int32_t result, uint32_t flags);

/* A CQE that comes when somebody waits, in the order of promising, one per wait. */
void fake_kernel_promise(struct fake_kernel *kernel, uint64_t user_data, int32_t result);

/* Entries consumed with this opcode; the n-th of them, counted from 0 (asserted to exist). */
uint32_t fake_kernel_count(const struct fake_kernel *kernel, uint8_t opcode);
const struct io_uring_sqe *fake_kernel_nth(const struct fake_kernel *kernel, uint8_t opcode, uint32_t n);

#endif
