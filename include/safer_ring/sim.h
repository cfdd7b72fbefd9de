/*
 * The simulated kernel, for unit tests: a deterministic io_uring in this process, with files, pipes, sockets and a clock
 * of its own, that behaves as badly as a real kernel is allowed to, and can be made to fail on command.
 *
 * Same program, same seed or tape: the same run, byte for byte. A simulated kernel belongs to the thread that made it,
 * and its descriptors mean nothing to the system.
 *
 * A C17 and C++17 header. The loops need the cleanup attribute of gcc and clang.
 *
 * Where a function does not say otherwise:
 * Errors: none.
 * Callable: from the simulation's own thread, not from a callback of its backend; never blocks.
 */
#ifndef SAFER_RING_SIM_H
#define SAFER_RING_SIM_H

#include <stddef.h>
#include <stdint.h>

#include "safer_ring/backend.h"
#include "safer_ring/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sockaddr;
struct sockaddr_storage;
struct sr_ring;
struct sr_sim;

/* Flags of struct sr_sim_options. */
enum {
    SR_SIM_KIND = 1 << 0, /* no bad luck at all: every choice is the kindest, whatever seed and tape say */
    SR_SIM_NO_TRACE = 1 << 1, /* no trace hash: sr_sim_trace_hash() is 0; for measuring speed */
    SR_SIM_POWER =
        1 << 2, /* kind, but for what a loss of power leaves on the disk: that is drawn from the seed */
};

/* What a run is made of. Begin with sr_sim_options_default(). */
struct sr_sim_options {
    uint32_t flags;           /* SR_SIM_* */
    uint32_t max_descriptors; /* descriptors open at once, 4 … 65536; 0: 1024. Beyond: -EMFILE */
    uint64_t seed;            /* fills the tape, when none is given */
    const uint8_t *tape; /* the choices of the run, copied; NULL: drawn from the seed. Any bytes are a tape */
    size_t tape_size;    /* bytes of it */
    uint64_t
        disk_bytes; /* what all files hold together, in whole pages of 4096; 0: 64 MiB. Beyond: -ENOSPC */
    uint32_t pipe_bytes;   /* capacity of a pipe; 0: 65536 */
    uint32_t window_bytes; /* what a socket holds that its peer sent, for each direction; 0: 65536 */

    /*
     * What this kernel does not have, as an older one; 0: nothing is hidden. A hidden feature is not told to programs, and
     * IORING_FEAT_NODROP, IORING_FEAT_EXT_ARG and IORING_FEAT_CQE_SKIP are not there either; what else is hidden is refused with
     * -EINVAL.
     */
    uint32_t hidden_features;      /* IORING_FEAT_* */
    uint32_t hidden_setup_flags;   /* IORING_SETUP_* */
    uint64_t hidden_operations;    /* a bit 1 << IORING_OP_* each; the probe says so too */
    uint64_t hidden_registrations; /* a bit 1 << IORING_REGISTER_* each */
};

/* A run from seed 0 with the sizes above. */
struct sr_sim_options sr_sim_options_default(void);

/*
 * Makes a simulated kernel: empty root directory, no descriptor (the first is 3), clock at one second.
 *
 * Ownership: sr_sim_free() ends it. `options` NULL is the kind run (SR_SIM_KIND).
 * Errors: -EINVAL: unknown flag or a size out of range; -ENOMEM.
 */
SR_MUST_USE int sr_sim_new(struct sr_sim **sim, const struct sr_sim_options *options);

/*
 * Ends it and nulls the pointer; NULL is fine. What its rings had in flight is gone, and so is their memory.
 * Ownership: rings of the library on it (sr_sim_ring_open) must be closed before.
 */
void sr_sim_free(struct sr_sim **sim);

/*
 * Back to the state after sr_sim_new() with these options, in place: memory is kept and reused, and no allocation is
 * made by a run like one before. Rings, descriptors, files and scripts are gone. `options` NULL: the kind run.
 *
 * Errors: -EINVAL, as sr_sim_new(), and nothing is changed; -ENOMEM: the tape did not fit; the run is the kind one.
 */
SR_MUST_USE int sr_sim_reset(struct sr_sim *sim, const struct sr_sim_options *options);

/*
 * The kernel as a backend (backend.h), for sr_ring_open_config() or for programs that fill a struct io_uring.
 * Ownership: it stays the simulation's; never call its vtable->release.
 */
struct sr_backend sr_sim_backend(struct sr_sim *sim);

/*
 * Opens a ring of this library on the simulated kernel. Opening is spared from bad luck, so that a test need not handle
 * a refused ring; to have that too, give sr_sim_backend() to sr_ring_open_config().
 *
 * Its lent bytes are watched, unless the run has SR_SIM_NO_TRACE: what the kernel is to read may not change in flight, what
 * it is to fill holds a sentinel until it does (so the bytes past a count are not what they were, BUF-7). A program that touches them is told so,
 * with the operation, on standard error, and ended by abort(3).
 *
 * Errors: those of sr_ring_open_config().
 */
SR_MUST_USE int sr_sim_ring_open(struct sr_sim *sim, struct sr_ring **ring, uint32_t entries);

/* ---- Objects. None of these calls is subject to bad luck, and the program's memory is read at the call. ---- */

/*
 * Puts a regular file at `path` with `size` bytes of `data`; what was there is replaced. Directories on the way are
 * made. Paths are absolute or relative to the root; `data` may be NULL, then the bytes are a hole of zeros.
 *
 * Errors: -EISDIR, -ENOTDIR, -ENAMETOOLONG, -EINVAL (empty path), -ENOSPC, -ENOMEM.
 */
SR_MUST_USE int sr_sim_file(struct sr_sim *sim, const char *path, const void *data, size_t size);

/* Makes a directory, and those on the way; one that exists is fine. Errors: -ENOTDIR, -ENAMETOOLONG, -EINVAL, -ENOMEM. */
SR_MUST_USE int sr_sim_directory(struct sr_sim *sim, const char *path);

/*
 * Copies a file's first `size` bytes to `buffer`; `*length` becomes the file's whole length, which may be larger.
 * Errors: -ENOENT, -EISDIR, -ENOTDIR, -ENAMETOOLONG, -EINVAL.
 */
SR_MUST_USE int sr_sim_file_content(struct sr_sim *sim, const char *path, void *buffer, size_t size,
                                    size_t *length);

/* Opens as open(2) with mode 0644. Errors: those of open(2) for the flags, -EMFILE, -ENOMEM. */
SR_MUST_USE int sr_sim_open(struct sr_sim *sim, const char *path, int flags, int *fd);

/* fds[0] is read, fds[1] is written, as pipe(2). Errors: -EMFILE, -ENOMEM. */
SR_MUST_USE int sr_sim_pipe(struct sr_sim *sim, int fds[2]);

/*
 * The same with a capacity of its own: so many bytes, rounded up to pages of 4096, as F_SETPIPE_SZ of fcntl(2) without its
 * limits. A pipe holds pages: one that was read in part takes a whole one until its last byte is read.
 *
 * Errors: -EINVAL (no bytes), -EMFILE, -ENOMEM.
 */
SR_MUST_USE int sr_sim_pipe_of(struct sr_sim *sim, uint32_t bytes, int fds[2]);

/* Two connected stream sockets, as socketpair(2). Errors: -EMFILE, -ENOMEM. */
SR_MUST_USE int sr_sim_socketpair(struct sr_sim *sim, int fds[2]);

/*
 * The same of another type: SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET. A message longer than the window is -EMSGSIZE.
 * Errors: -ESOCKTNOSUPPORT, -EINVAL, -EMFILE, -ENOMEM.
 */
SR_MUST_USE int sr_sim_socketpair_of(struct sr_sim *sim, int type, int fds[2]);

/* A counter, as eventfd(2) without flags. Errors: -EMFILE, -ENOMEM. */
SR_MUST_USE int sr_sim_eventfd(struct sr_sim *sim, uint64_t initial, int *fd);

/* A counter that each read takes one from, as eventfd(2) with EFD_SEMAPHORE. Errors: -EMFILE, -ENOMEM. */
SR_MUST_USE int sr_sim_semaphore(struct sr_sim *sim, uint64_t initial, int *fd);

/*
 * An epoll instance, as epoll_create1(2). IORING_OP_EPOLL_CTL says what it watches, IORING_OP_POLL_ADD waits for it.
 * Errors: -EMFILE, -ENOMEM.
 */
SR_MUST_USE int sr_sim_epoll(struct sr_sim *sim, int *fd);

/* What epoll_wait(2) tells of one: EPOLL* bits, and the data it was added with. */
struct sr_sim_ready {
    uint32_t events; /* EPOLL* */
    uint64_t data;   /* as it was added with */
};

/*
 * What an epoll instance has ready now, at most `most` of it: as epoll_wait(2) with timeout 0, and with its effects (an
 * edge is told once, a one-shot interest falls silent).
 *
 * Errors: -EBADF, -EINVAL (no epoll instance).
 */
SR_MUST_USE int sr_sim_epoll_ready(struct sr_sim *sim, int fd, struct sr_sim_ready *ready, size_t most,
                                   size_t *count);

/*
 * A stream socket that listens at an address (AF_UNIX path, or AF_INET or AF_INET6 with any address; port 0: the lowest
 * free one from 49152 on). At most `backlog` + 1 connections wait to be accepted, as with Linux.
 *
 * Errors: -EADDRINUSE, -EAFNOSUPPORT, -EINVAL (length, or empty path), -EMFILE, -ENOMEM.
 */
SR_MUST_USE int sr_sim_listen(struct sr_sim *sim, const struct sockaddr *address, uint32_t length,
                              int backlog, int *fd);

/* A stream socket to connect from; `domain` AF_UNIX, AF_INET, AF_INET6. Errors: -EAFNOSUPPORT, -EMFILE, -ENOMEM. */
SR_MUST_USE int sr_sim_socket(struct sr_sim *sim, int domain, int *fd);

/*
 * A socket of any type there is: SOCK_STREAM, SOCK_DGRAM, and SOCK_SEQPACKET with AF_UNIX; SOCK_NONBLOCK and SOCK_CLOEXEC may
 * be added. A datagram socket of AF_INET loses what comes when its window is full, as the network does; one of AF_UNIX
 * makes the sender wait behind eleven.
 *
 * Errors: -EAFNOSUPPORT, -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -EINVAL, -EMFILE, -ENOMEM.
 */
SR_MUST_USE int sr_sim_socket_of(struct sr_sim *sim, int domain, int type, int *fd);

/* Gives a socket an address, as bind(2); port 0 as sr_sim_listen(). Errors: -EBADF, -ENOTSOCK, and those of sr_sim_listen(). */
SR_MUST_USE int sr_sim_bind(struct sr_sim *sim, int fd, const struct sockaddr *address, uint32_t length);

/* A bound stream socket listens, as listen(2). Errors: -EBADF, -ENOTSOCK, -EOPNOTSUPP (datagrams), -EINVAL. */
SR_MUST_USE int sr_sim_listen_on(struct sr_sim *sim, int fd, int backlog);

/* A socket's own address, as getsockname(2): the port it was given. Errors: -EBADF, -ENOTSOCK. */
SR_MUST_USE int sr_sim_name(struct sr_sim *sim, int fd, struct sockaddr_storage *address, uint32_t *length);

/*
 * Connects at once, as connect(2) on a socket that may block.
 * Errors: -EBADF, -ENOTSOCK, -EISCONN, -ECONNREFUSED, -ENOENT (AF_UNIX), -EAFNOSUPPORT, -EINVAL, -EAGAIN: the backlog is
 * full.
 */
SR_MUST_USE int sr_sim_connect(struct sr_sim *sim, int fd, const struct sockaddr *address, uint32_t length);

/* As shutdown(2); `how` is SHUT_RD, SHUT_WR or SHUT_RDWR. Errors: -EBADF, -ENOTSOCK, -ENOTCONN (AF_INET), -EINVAL. */
SR_MUST_USE int sr_sim_shutdown(struct sr_sim *sim, int fd, int how);

/*
 * A connected socket is cut as by RST: both ends get -ECONNRESET once, after what had arrived.
 * Errors: -EBADF, -ENOTSOCK, -ENOTCONN.
 */
SR_MUST_USE int sr_sim_reset_connection(struct sr_sim *sim, int fd);

/*
 * Reads and writes at once, without a ring: the other side of a conversation. `*moved` is the count, 0 the end. At the
 * file's own position.
 * Errors: -EBADF, -EAGAIN (would block), -EPIPE, -ECONNRESET, -ENOTCONN, -EISDIR, -ENOSPC, -ENOMEM.
 */
SR_MUST_USE int sr_sim_read(struct sr_sim *sim, int fd, void *buffer, size_t size, size_t *moved);
SR_MUST_USE int sr_sim_write(struct sr_sim *sim, int fd, const void *buffer, size_t size, size_t *moved);

/* close(2). What is in flight on the descriptor goes on. Errors: -EBADF; -EINVAL: a ring, which its owner closes. */
SR_MUST_USE int sr_sim_close(struct sr_sim *sim, int fd);

/*
 * Descriptors that are open now, rings not counted: those made by these calls, and those made by operations (accepted
 * and opened), which the program owes a close. Either pointer may be NULL.
 */
void sr_sim_open_descriptors(struct sr_sim *sim, uint32_t *made, uint32_t *by_operations);

/* ---- Time. It is virtual: it moves only while somebody waits in the kernel, or by these calls. ---- */

/* Now, in nanoseconds; 1,000,000,000 at the start. A look without waiting (an enter with GETEVENTS) takes 1000. */
uint64_t sr_sim_now_ns(const struct sr_sim *sim);

/* Lets time pass, and runs everything that falls due on the way, in order. */
void sr_sim_advance_ns(struct sr_sim *sim, uint64_t duration_ns);

/* Runs one due thing, and if none is due lets time pass to the next. 1: something ran; 0: nothing is under way. */
int sr_sim_step(struct sr_sim *sim);

/* ---- Power. ----
 *
 * What is written is in the page cache; on the disk it is only after a sync: bytes and size of a file and its extended
 * attributes after an fsync of it (bytes and size after an fdatasync, or a write with O_DSYNC or RWF_DSYNC, of what it
 * wrote), a name after an fsync of its directory. sync_file_range promises nothing. What the calls above made (sr_sim_file,
 * sr_sim_directory) is on the disk from the beginning.
 *
 * What was not synced may be on the disk all the same, each piece by itself and in any order: a page, or some of its
 * sectors of 512 bytes; a size, which may be one it had on the way; a name. Only the two names of a rename change
 * together. The kindest is that everything is there.
 */

/*
 * Power is lost: the disk's image is fixed from here on. Every operation in flight on a descriptor or a path ends with -EIO and
 * reaches nothing, later ones do so at once, and so do sr_sim_file(), sr_sim_directory() and sr_sim_open(). Close works, and so
 * do timeouts, cancels and no-ops. What was done before, and is only not reported yet, keeps its result. Buffers come back by the ordinary rules: the program unwinds and closes. A second
 * time it does nothing.
 */
void sr_sim_power_loss(struct sr_sim *sim);

/* The same after `operations` more have been attempted (close not counted): the next one finds no power. 0: the next. */
void sr_sim_power_loss_after(struct sr_sim *sim, uint64_t operations);

/* 1: power was lost, and it has not been booted again; 0. */
int sr_sim_power_lost(const struct sr_sim *sim);

/*
 * Boots again, after losing power now if that did not happen before: descriptors, pipes and sockets are gone, the surviving
 * files are there. The clock goes on.
 *
 * Errors: -EBUSY: a ring is open; close all before.
 */
SR_MUST_USE int sr_sim_reboot(struct sr_sim *sim);

/* ---- Luck. ---- */

/* From now on every choice is the kindest: faults off, so that what is in flight must drain. Scripts go on. */
void sr_sim_calm(struct sr_sim *sim);

/* What a script may fix about one request. */
enum sr_sim_outcome_kind {
    SR_SIM_FAILS, /* ends with -value (an errno that the operation can have), with no effect */
    SR_SIM_SHORT, /* moves at most `value` bytes, 1 or more */
    SR_SIM_DELAYED, /* is attempted `value` nanoseconds late, rounded up to a delay the kernel knows; the longest at most */
    SR_SIM_TOO_LATE, /* a cancel of it answers -EALREADY, and it goes on */
    SR_SIM_HELD,     /* is not attempted until sr_sim_release(); a cancel ends it */
    SR_SIM_BEHIND,   /* is not attempted until another has ended: `value` is SR_SIM_NTH() of that one */
};

/* "The nth request with this opcode", as the value of SR_SIM_BEHIND: complete b before a. */
#define SR_SIM_NTH(opcode, nth) ((uint64_t)(opcode) << 32 | (uint32_t)(nth))

/* "The nth request with this opcode …": counted from 1 in the order of consumption, from sr_sim_new() or reset on. */
struct sr_sim_outcome {
    uint8_t opcode;                /* IORING_OP_* */
    uint32_t nth;                  /* counted from 1 */
    enum sr_sim_outcome_kind kind; /* what is fixed */
    uint64_t value;                /* of the kind's own */
};

#define SR_SIM_OUTCOMES 64 /* at once, spent ones not counted */

/*
 * Fixes one outcome, for a request not consumed yet. It goes before the tape and holds in a kind run too. Several may
 * fix different kinds of one request.
 *
 * Errors: -EINVAL: nth 0, unknown kind, an errno out of 1 … 4095, 0 bytes; -EALREADY: that request, or the one it is
 * to be behind, was consumed before;
 * -EEXIST: this kind is fixed for it (SR_SIM_HELD and SR_SIM_BEHIND are one); -ENOSPC: SR_SIM_OUTCOMES are waiting.
 */
SR_MUST_USE int sr_sim_script(struct sr_sim *sim, const struct sr_sim_outcome *outcome);

/*
 * Lets go of a request that is held by SR_SIM_HELD or SR_SIM_BEHIND, or will be: it goes on when the kernel next runs. sr_sim_calm() lets
 * go of all. What is held does not end a wait: one that nothing else can end is -EDEADLK.
 *
 * Errors: -ENOENT: no such outcome, or it was let go before.
 */
SR_MUST_USE int sr_sim_release(struct sr_sim *sim, uint8_t opcode, uint32_t nth);

/* Outcomes not spent: their request did not come, or the question never arose (an errno its opcode can't have). */
uint32_t sr_sim_script_pending(const struct sr_sim *sim);

/* ---- What happened. ---- */

/* The seed of the run under way, 0 in the kind one: for what a test itself wants to vary from run to run. */
uint64_t sr_sim_seed(const struct sr_sim *sim);

/*
 * A hash of the run so far: every SQE (addresses excluded), CQE, transferred byte and the clock. Equal for equal runs
 * under every compiler, sanitizer and address layout.
 */
uint64_t sr_sim_trace_hash(const struct sr_sim *sim);

/*
 * The tape of the run so far: given to a new run of the same program it makes the same choices.
 * Ownership: the simulation's; valid until the next call on it or on one of its rings.
 */
void sr_sim_tape(const struct sr_sim *sim, const uint8_t **tape, size_t *size);

/* ---- libfiu. ---- */

/*
 * Every fault point (docs/faults.md) is one of libfiu's as well: fiu_enable*() in this process, `fiu-run -c` and `fiu-ctrl`
 * make it strike in every run that is no replay. As long as nobody does, an external callback answers what the tape has drawn;
 * the exact name of a point takes that callback's place, a wildcard goes beside it. The failnum is which answer, for a
 * point that has several; failinfo is the errno, for safer_ring/result/errno. What struck is on the tape of the run
 * (sr_sim_tape), and who replays that tape asks nobody.
 *
 * libfiu is asked from the next sr_sim_new() or sr_sim_reset() on (or: not any more). Call it with 1 before the first
 * fiu_enable*() of an exact name; fiu_init() is called here. Under fiu-run it is asked from the start. `on` 0 is the default: fiu_fail() takes some 40 ns.
 */
void sr_sim_listen_to_libfiu(int on);

/* ---- Loops. ----
 *
 * Each is one line, and runs the body again and again on one simulation, as new each time.
 *
 *     SR_SIM_FOR_EACH_SEED(sim, 1000) {
 *         struct sr_ring *ring;
 *         assert_int_equal(sr_sim_ring_open(sim, &ring, 8), 0);
 *         …
 *     }
 *
 * `sim` is declared by the loop and ends with it. The body owns everything else, and makes it anew each time: rings are closed
 * before its end, or it is a message and abort(3). `break`, `return` and `goto` out of it are fine; rings that are open
 * then are ended without a panic.
 *
 * A jump out of it (longjmp, a failed assertion of cmocka) leaves the loop in its one static place, and whoever comes next
 * finds it there: sr_sim_loop_abandon() in a test's teardown (sr_sim_unit_test() of cmocka.h installs it), the next loop,
 * exit(3), and on abort(3), of a plain assert() for instance, a handler of SIGABRT. Each says on standard error which run it was, and
 * how to make it again, and ends the rings that were open. One loop runs at a time: a loop whose body has run another
 * is a message and abort(3).
 *
 *     SAFER_RING_TAPE='seed=17' ./test        makes that run alone, in every loop of the process
 *
 * with the name that was printed, or a tape file. The first run and one in a hundred are made a second time, from their tape:
 * when that is another run, the test is not repeatable, which is a message and abort(3), and so is out of memory.
 * (SR_SIM_FOR_EACH_POWER_LOSS repeats none.)
 */
#define SR_SIM_LOOP_(sim, begin) \
    for (struct sr_sim * sim __attribute__((cleanup(sr_sim_loop_end))) = begin; sr_sim_loop_next(sim);)

/* `runs` different kinds of luck, the first the kind run, then seeds 1, 2, 3, … of all modes (fate/adversary.h: gentle, even, swarm). */
#define SR_SIM_FOR_EACH_SEED(sim, runs) SR_SIM_LOOP_(sim, sr_sim_loop_begin_seeds((runs), __FILE__, __LINE__))

/*
 * Every way a run can go: every order of completions, every outcome, every delay that the kernel's freedoms allow, each
 * once, those with the fewest unkind choices first; at most `limit` runs. sr_sim_loop_seen().all says whether these
 * were all. Choices of one run behind the 256th, and those of more than 256 answers, are not varied, and then it never does.
 */
#define SR_SIM_FOR_EACH_SCHEDULE(sim, limit) \
    SR_SIM_LOOP_(sim, sr_sim_loop_begin_schedules((limit), __FILE__, __LINE__))

/*
 * No fault; then the first fault point that is reached strikes, once, and then from there on ("sticky": at most 200
 * times); then the second, … until none is left; then the same with each allocation of the library, from
 * sr_sim_ring_open() on. All else is kind. An allocator that the program has installed (sr_set_allocator) is asked below.
 */
#define SR_SIM_FOR_EACH_FAULT(sim) SR_SIM_LOOP_(sim, sr_sim_loop_begin_faults(__FILE__, __LINE__))

/*
 * Power is lost once in each run: before its first operation, after its first, after its second, … and, when it has no
 * more, in sr_sim_reboot(). Each of these times eight runs with different images of what survives, the first with
 * everything; all else is kind.
 *
 *     SR_SIM_FOR_EACH_POWER_LOSS(sim) {
 *         … work until it is done or fails with -EIO; close …
 *         assert_int_equal(sr_sim_reboot(sim), 0);
 *         … everything that was promised is there …
 *     }
 *
 * The body must make the same operations whenever all goes well.
 */
#define SR_SIM_FOR_EACH_POWER_LOSS(sim) SR_SIM_LOOP_(sim, sr_sim_loop_begin_power_loss(__FILE__, __LINE__))

/*
 * Ends a loop that a jump left, its rings with it, and says on standard error which run that was: for a test's teardown. What
 * the body had besides rings is the body's. 1: there was one; 0: none.
 */
int sr_sim_loop_abandon(void);

/* What the last loop that came to its end has seen. */
struct sr_sim_seen {
    uint64_t runs; /* second times not counted */
    int all;       /* 1: there is no other run of this kind */
};
/* Of the last loop that came to its end: see the structure. */
struct sr_sim_seen sr_sim_loop_seen(void);

/* The parts of the loops; not to be called by hand. */
struct sr_sim *sr_sim_loop_begin_seeds(uint64_t runs, const char *file, int line);
struct sr_sim *sr_sim_loop_begin_schedules(uint64_t limit, const char *file, int line);
struct sr_sim *sr_sim_loop_begin_faults(const char *file, int line);
struct sr_sim *sr_sim_loop_begin_power_loss(const char *file, int line);
int sr_sim_loop_next(struct sr_sim *sim);
void sr_sim_loop_end(struct sr_sim **sim);

#ifdef __cplusplus
}
#endif

#endif
