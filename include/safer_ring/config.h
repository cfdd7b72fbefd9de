/*
 * How a ring is made.
 *
 * Callable: anywhere; never blocks, unless a function says otherwise.
 */
#ifndef SAFER_RING_CONFIG_H
#define SAFER_RING_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "safer_ring/backend.h"
#include "safer_ring/error.h"
#include "safer_ring/pool.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Limits of the fields of sr_config. */
#define SR_ENTRIES_MAX 32768u
#define SR_IN_FLIGHT_MAX 16777214u
#define SR_ARGUMENT_BYTES_MAX 65536u
#define SR_FIXED_FILES_MAX 32767u
#define SR_FIXED_BUFFERS_MAX 16383u
#define SR_SHOTS_MAX 1048576u
#define SR_POLLING_IDLE_MS_MAX 60000u

/* What a ring is locked down to (IORING_REGISTER_RESTRICTIONS): a bit 1 << IORING_OP_* or 1 << IORING_REGISTER_* for each. */
struct sr_restrictions {
    uint64_t operations;
    uint64_t registrations;
};

/* What keeps the program away from bytes it has lent. */
enum sr_fence {
    /* What the environment's SAFER_RING_FENCE says ("none", "marks", "pages"); without it SR_FENCE_MARKS where a tool heeds them. */
    SR_FENCE_AUTO,
    SR_FENCE_NONE, /* nothing does: a touch in flight goes unnoticed, and costs nothing */
    /*
     * AddressSanitizer and valgrind report whoever touches them, at that line. Without one of these nothing happens. With
     * AddressSanitizer and a library that was built without it, the true kernel only.
     */
    SR_FENCE_MARKS,
    /*
     * The bytes of buffers made while such a ring is open stand on pages of their own, which nobody can touch in flight: a
     * fault in any build, with the place on standard error; the kernel works on a second mapping. Buffers of a pool, and
     * those made earlier, as SR_FENCE_MARKS. Some 10 microseconds an operation, and two pages a buffer.
     */
    SR_FENCE_PAGES,
};

/* Start from sr_config_default() and change fields; a field's 0 means its default where it says so. */
struct sr_config {
    /* A kernel to use, or NULL: chosen by name. Copied at open; its `self` must outlive the ring. */
    const struct sr_backend *backend;

    /* "uring", "engine" or "auto"; NULL: the environment's SAFER_RING_BACKEND, else "auto". */
    const char *backend_name;

    /* Places in the submission queue, 1 … SR_ENTRIES_MAX, rounded up to a power of two. Default 128. */
    uint32_t entries;

    /* Places in the kernel's completion queue; 0: twice the entries. At least `entries`, at most 2 × SR_ENTRIES_MAX. */
    uint32_t completion_entries;

    /* Operations that may be in flight at once, 1 … SR_IN_FLIGHT_MAX; 0: as many as the completion queue has places. */
    uint32_t max_in_flight;

    /* Completions that may wait to be taken (OP-9); 0: max_in_flight, at least the completion queue's places. Less than
       the completion queue's places is refused. */
    uint32_t queue_entries;

    /* Completions of multishots, each but the last of one, that may wait or be held at once, 1 … SR_SHOTS_MAX; 0: as many as
       the completion queue has places. 64 bytes each. */
    uint32_t shot_entries;

    /* Bytes kept per operation for paths and addresses, 64 … SR_ARGUMENT_BYTES_MAX; 0: 256. */
    uint32_t argument_bytes;

    /* Values that may wait after sr_ring_post(), 1 … 65536; 0: 64. */
    uint32_t post_entries;

    /* Completions are made only when the ring's thread asks (IORING_SETUP_SINGLE_ISSUER, DEFER_TASKRUN). Default true;
       a kernel without it opens the ring without, and the log says so. */
    bool defer_taskrun;

    /*
     * Kernel polling (IORING_SETUP_SQPOLL): a thread of the kernel takes entries as they are published, and submitting costs no
     * system call while it is awake. What is published counts as submitted (ORPH-2). defer_taskrun does nothing then. A kernel
     * that refuses it opens the ring without, and the log says so. Default false.
     */
    bool kernel_polling;

    /* How long that thread stays awake with nothing to do, in milliseconds, 1 … SR_POLLING_IDLE_MS_MAX; 0: 1000. */
    uint32_t polling_idle_ms;

    /* The CPU it is bound to, 0 … 1023; -1: any, the default. */
    int32_t polling_cpu;

    /*
     * Threads of the kernel that may work at once on what can't be done without waiting, for files and for everything
     * else each (IORING_REGISTER_IOWQ_MAX_WORKERS), 1 … 65535; 0: the kernel's own limit. A kernel without it goes on, and the
     * log says so.
     */
    uint32_t max_workers;

    /*
     * Locks the ring down before it takes its first entry; read at open. An operation that is not named ends with -EACCES, a
     * registration that is not answers it. What the library itself needs is allowed besides: cancels, linked timeouts, the eventfd of
     * sr_ring_pollable_fd(). A kernel that can't is an error: nothing is opened. NULL: no restriction.
     */
    const struct sr_restrictions *restrictions;

    /*
     * For development: bytes that were lent to be written or sent are summed, and summed again when they come back; a
     * program that changed them meanwhile is told in the log, and counted (sr_stats.touched). Costs a pass over the bytes at each end, and
     * every call its short way.
     */
    bool check_lent_bytes;

    /* For development: the start and the end of each operation are told to the log (SR_LOG_DEBUG). Costs every call its short way. */
    bool log_operations;

    /* Open disabled: the ring belongs to the first thread that calls sr_ring_attach() (RING-6). Default false. */
    bool disabled;

    /* Dropping an operation asks the kernel to cancel it (ORPH-5). Default true. */
    bool cancel_on_drop;

    /* Whether bytes in flight are closed to the program. Only with DEFER_TASKRUN, else not, and the log says so. Default
       SR_FENCE_AUTO. */
    enum sr_fence fence;

    /* The ring's own pool, from which sr_ring_get_buffer() takes first: its number of buffers, at most
       SR_POOL_CAPACITY_MAX; 0: none, the default. */
    uint32_t pool_buffers;

    /* The bytes of each; not 0 when there are any. */
    size_t pool_buffer_size;

    /* Cleared between users (POOL-7). */
    bool pool_clear;

    /* That pool is registered with the ring, so that its buffers are fixed buffers (sr_pool_register()). Where the kernel
       refuses, the ring works without, and the log says so. */
    bool pool_registered;

    /* Places for fixed files and registered buffers (safer_ring/registry.h): 1 … SR_FIXED_FILES_MAX and
       SR_FIXED_BUFFERS_MAX; 0: 255. The kernel's tables are made when the first is registered, each with one place more. */
    uint32_t fixed_files;
    uint32_t fixed_buffers;
};

/* A balanced, general-purpose configuration. */
struct sr_config sr_config_default(void);

/* For the shortest way to the kernel: it polls for entries, for as long as 100 ms after the last; short queues. Costs a CPU. */
struct sr_config sr_config_low_latency(void);

/* For many operations at once: 2048 entries go with one system call, 8192 may be in flight. */
struct sr_config sr_config_high_throughput(void);

/* For development: lent bytes are checked, operations logged, buffers of the ring's pool cleared. */
struct sr_config sr_config_development(void);

/* What this machine has, as far as rings care. */
struct sr_system {
    int32_t io_uring;        /* 0, or the -errno that io_uring_setup(2) answers */
    uint32_t features;       /* IORING_FEAT_* */
    uint32_t setup_flags;    /* IORING_SETUP_*, of those the library uses, that it takes */
    uint64_t operations[4];  /* a bit for each IORING_OP_* it has */
    uint32_t cpus;           /* this process may run on */
    uint32_t numa_nodes;     /* with memory; at least 1 */
    uint64_t memory_bytes;   /* of the machine */
    uint64_t lockable_bytes; /* RLIMIT_MEMLOCK; UINT64_MAX: no limit */
    uint64_t descriptors;    /* RLIMIT_NOFILE */
};

/*
 * Looks: sets up small rings and closes them, reads limits. Errors: -EINVAL: NULL. That io_uring is refused is in system->io_uring.
 * Callable: from any thread; makes system calls.
 */
SR_MUST_USE int sr_system_probe(struct sr_system *system);

/*
 * A configuration for a machine: queues by its CPUs, smaller where memory or the memory that may be locked is short, only what its kernel
 * has, and as many of the kernel's workers as one NUMA node has CPUs. `system` NULL: this one, probed now.
 *
 * Errors: -EINVAL: out is NULL. *out is written only on success, and always passes sr_config_check().
 */
SR_MUST_USE int sr_config_auto_detect(struct sr_config *out, const struct sr_system *system);

/*
 * Checks every field.
 *
 * Errors: -EINVAL: a field is out of its range; *field (may be NULL) then names it, static storage.
 * Callable: anywhere.
 */
SR_MUST_USE int sr_config_check(const struct sr_config *config, const char **field);

#ifdef __cplusplus
}
#endif

#endif
