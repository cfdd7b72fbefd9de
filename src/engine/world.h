/*
 * What a world of file objects must do.
 *
 * The engine knows io_uring: queues, links, cancels, timeouts. It does not know what a file is. A world does: the host
 * world over this machine's descriptors, the simulated world over objects in memory. The engine decodes an SQE into an
 * attempt with its arguments already copied from the program; the world makes the attempt.
 *
 * The commit point. An operation has one: the call of start() that answers SRI_DONE, or the moment a running one is done.
 * Before it a cancel wins with no effect on the object; after it the result stands.
 *
 * Every function is called with the world's lock held (lock/unlock; a single-threaded world does nothing there). Only
 * wait() gives it up, while it sleeps. A world calls back sri_engine_ready() and sri_engine_finish() (engine.h) from
 * inside start(), cancel(), close(), wait() and whatever else changes an object, with the lock held.
 */
#ifndef SRI_ENGINE_WORLD_H
#define SRI_ENGINE_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "engine/chooser.h"
#include "engine/user.h"

struct sri_engine;
struct sri_file; /* an object behind a descriptor; each world has its own */

#define SRI_NEVER UINT64_MAX        /* a time that does not come */
#define SRI_HELD_NS (SRI_NEVER - 1) /* nor does this: held requests stand there */
#define SRI_XATTR_NAME_SIZE 256     /* with its end */
#define SRI_OWN_POSITION UINT64_MAX /* an offset: the file's own position, which moves */

/* What can be attempted. Later kinds are added at the end. The argument, where there is one, in brackets. */
enum sri_work {
    SRI_WORK_READ,    /* segments are targets; offset; flags RWF_* */
    SRI_WORK_WRITE,   /* segments are sources; offset; flags RWF_* */
    SRI_WORK_RECV,    /* segments are targets; flags MSG_*; [struct sri_message, filled, or NULL] */
    SRI_WORK_SEND,    /* segments are sources; flags MSG_*; [struct sri_message, or NULL] */
    SRI_WORK_ACCEPT,  /* flags SOCK_*; [struct sri_address, filled, or NULL]; result: a descriptor */
    SRI_WORK_CONNECT, /* [struct sri_address] */
    SRI_WORK_POLL, /* flags: POLL* mask; result: the mask that is true; POLLERR, POLLHUP, POLLRDHUP unasked */
    SRI_WORK_FSYNC,      /* flags IORING_FSYNC_* */
    SRI_WORK_OPEN,       /* [struct sri_path]; no file; result: a descriptor */
    SRI_WORK_CLOSE,      /* [struct sri_descriptor]; no file */
    SRI_WORK_SOCKET,     /* [struct sri_socket_kind]; no file; result: a descriptor */
    SRI_WORK_SHUTDOWN,   /* flags SHUT_* */
    SRI_WORK_SPLICE,     /* [struct sri_splice]; file and offset are where to; flags SPLICE_F_* */
    SRI_WORK_TEE,        /* the same, without offsets */
    SRI_WORK_EPOLL_CTL,  /* [struct sri_interest]; no file */
    SRI_WORK_FALLOCATE,  /* offset, limit: the range; flags FALLOC_FL_* */
    SRI_WORK_SYNC_RANGE, /* offset, limit: the range; flags SYNC_FILE_RANGE_* */
    SRI_WORK_FADVISE,    /* offset, limit: the range; flags: POSIX_FADV_* */
    SRI_WORK_MADVISE,    /* [struct sri_memory]; no file; flags: MADV_* */
    SRI_WORK_STATX,      /* [struct sri_status, filled]; no file */
    SRI_WORK_RENAME,     /* [struct sri_names]; no file, as for the four that follow */
    SRI_WORK_UNLINK,
    SRI_WORK_MKDIR,
    SRI_WORK_SYMLINK, /* `from` is what the link says */
    SRI_WORK_LINK,
    SRI_WORK_SET_XATTR, /* [struct sri_xattr]; a file, or none and a path */
    SRI_WORK_GET_XATTR, /* [struct sri_xattr, its value filled]; the same; result: the length */
    SRI_WORKS
};

/* Clocks that a moment may be given by; now_ns() is the first. */
enum sri_clock {
    SRI_CLOCK_MONOTONIC,
    SRI_CLOCK_BOOTTIME,
    SRI_CLOCK_REALTIME,
};

/* A socket address, in the kernel's memory. */
struct sri_address {
    socklen_t length;
    struct sockaddr_storage storage;
};

/* What goes with the bytes of a message, in the kernel's memory. */
struct sri_message {
    struct sri_address address; /* where to (length 0: the peer), or where from */
    uint32_t flags;             /* received: MSG_* of the result */
    uint32_t control_length;    /* bytes of control messages, sent or received */
    uint32_t control_room;      /* for what is received */
    void *control;              /* aligned for a struct cmsghdr */
};

/* What socket(2) is asked for; `type` with SOCK_NONBLOCK and SOCK_CLOEXEC. */
struct sri_socket_kind {
    int domain;
    int type;
    int protocol;
};

/* Where a splice or tee takes its bytes from. */
struct sri_splice {
    struct sri_file *from; /* held by the engine, as the attempt's own */
    uint64_t offset;       /* or SRI_OWN_POSITION */
};

enum sri_interest_change {
    SRI_INTEREST_ADD = 1, /* as epoll_ctl(2) numbers them */
    SRI_INTEREST_REMOVE = 2,
    SRI_INTEREST_CHANGE = 3,
};

/* A change to what an epoll instance watches. */
struct sri_interest {
    int instance;
    int fd;
    int change;
    uint32_t events;
    uint64_t data;
};

/* A path and how to open it, in the kernel's memory. */
struct sri_path {
    int directory;
    uint64_t flags;
    uint64_t mode;
    uint64_t resolve;
    char path[]; /* ends with 0 */
};

struct sri_descriptor {
    int fd;
};

/* Names to change, in the kernel's memory. What works on one name uses `from`. */
struct sri_names {
    int from_directory;
    int to_directory;
    uint32_t flags; /* RENAME_* or AT_* */
    uint32_t mode;
    const char *from;
    const char *to;
    char text[]; /* both, each with its end */
};

/* What to tell of an object, in the kernel's memory. */
struct sri_status {
    int directory;
    uint32_t flags; /* AT_* */
    uint32_t mask;  /* STATX_* */
    void *to;       /* the program's, for the engine alone */
    struct statx status;
    char path[]; /* ends with 0; empty with AT_EMPTY_PATH: the descriptor's own object */
};

/* One extended attribute, in the kernel's memory. */
struct sri_xattr {
    uint32_t flags;   /* XATTR_* */
    size_t size;      /* of the value, or of the room for it; 0 asks for the length */
    void *to;         /* the program's, for the engine alone */
    const char *path; /* NULL: of the attempt's file */
    char *value;
    char name[SRI_XATTR_NAME_SIZE];
};

struct sri_memory {
    void *begin;
    size_t length;
};

/* A poll that goes on. Its first attempt is answered by what is true; each later one waits for the next change. */
enum sri_edge {
    SRI_EDGE_NONE,
    SRI_EDGE_FIRST,
    SRI_EDGE_NEXT,
    SRI_EDGE_TOGETHER, /* as before; several changes are one */
};

/* What an object is. */
#define SRI_OBJECT_POLLS (1u << 0)     /* it may become ready */
#define SRI_OBJECT_SOCKET (1u << 1)    /* it takes messages */
#define SRI_OBJECT_ZERO_COPY (1u << 2) /* and sends them from the program's memory */
#define SRI_OBJECT_DIRECT (1u << 3)    /* storage that moves whole blocks only (O_DIRECT) */

/* In wait_for of a poll that was woken: the rest is what it tells. */
#define SRI_WOKEN (1u << 31)

/* One attempt; part of the engine's request, so that nothing is allocated for it. */
struct sri_attempt {
    /* For the world: its list of those that wait or run, and a word of its own. NULL before the first start(). */
    struct sri_attempt *next;
    struct sri_attempt *previous;
    void *state;

    struct sri_file *file;        /* held by the engine until the operation ends; NULL for work without one */
    const struct iovec *segments; /* where bytes come from or go to */
    void *argument;  /* see enum sri_work; in the kernel's memory, valid until the operation ends */
    uint64_t offset; /* or SRI_OWN_POSITION */
    uint64_t limit;  /* at most so many bytes, less than the segments hold when the result is to be short */
    uint32_t segment_count;
    uint32_t flags;
    uint32_t
        wait_for; /* filled by the world with SRI_WAIT: the POLL* mask it waits for; with SRI_WOKEN: that woke it */
    uint8_t work;       /* enum sri_work */
    uint8_t edge;       /* enum sri_edge: SRI_WORK_POLL */
    bool kernel_memory; /* segments are the engine's own staging memory: no door, plain copies */
    bool whole; /* filled by the world with SRI_DONE: a message ends here, whatever MSG_WAITALL says */
};

enum sri_answer {
    SRI_DONE, /* attempted; *result is a count, a descriptor, a mask or -errno */
    SRI_WAIT, /* nothing happened yet; the world watches the object and calls sri_engine_ready() when it may go on.
                    Being called too often is fine: start() is called again and may answer SRI_WAIT again */
    SRI_RUNNING, /* it goes on by itself (a worker); the world calls sri_engine_finish() with the result */
};

struct sri_world_vtable {
    const char *name;

    /* The descriptor's object, held until file_put. NULL when there is none, or no memory to hold it (the engine answers -EBADF). */
    struct sri_file *(*file_get)(void *self, int fd);
    void (*file_put)(void *self, struct sri_file *file);

    /* The same of another process's descriptor; `process` as sri_engine_guest_new() was told. NULL: there are no others. */
    struct sri_file *(*file_of)(void *self, int process, int fd);

    /*
     * One more try. Never blocks. MSG_DONTWAIT and RWF_NOWAIT in flags mean -EAGAIN in place of SRI_WAIT; O_NONBLOCK of
     * the object does not (measured). No signal reaches the program for it (SIGPIPE, SIGXFSZ).
     */
    enum sri_answer (*start)(void *self, struct sri_attempt *attempt, int64_t *result);

    /*
     * Stops one that waits or runs. 0: it is stopped, had no effect and will not be heard of again. -EALREADY: it runs
     * and can't be stopped; its finish will come.
     */
    int (*cancel)(void *self, struct sri_attempt *attempt);

    /* close(2) of a descriptor of this world: 0 or -EBADF. Attempts that hold its object go on. */
    int (*close)(void *self, int fd);

    /* A ring's descriptor in this world, the lowest free number, or -errno; `ring` comes back by ring_of(). */
    int (*ring_open)(void *self, void *ring);
    /* The ring behind a descriptor: NULL and *error = -EBADF (none) or -EOPNOTSUPP (not a ring). */
    void *(*ring_of)(void *self, int fd, int *error);
    void (*ring_close)(void *self, int fd);
    /* A descriptor of the program to poll for this ring (backend.h, pollable_fd), or -errno. */
    int (*ring_pollable)(void *self, int fd);
    /* Tells whether the ring has something to see; once more with true: something new. Cheap when nothing changes. */
    void (*ring_notify)(void *self, int fd, bool readable);

    /* Zeroed page-aligned memory for rings, which a program may also see; NULL when there is none. */
    void *(*memory_map)(void *self, size_t length);
    void (*memory_unmap)(void *self, void *memory, size_t length);

    uint64_t (*now_ns)(void *self);

    /* Whoever waits for an object is told when that changes; else at the next wait(). */
    bool tells_at_once;

    /* When the world next changes by itself (delivery under way), or SRI_NEVER. The host world, which can't know: SRI_NEVER. */
    uint64_t (*next_ns)(void *self);

    /*
     * Lets time pass until `until_ns` or until something happened (ready, finished, woken), whichever comes first; with
     * until_ns = 0 only looks. 0; -EINTR (a signal); -EDEADLK: until_ns is SRI_NEVER and nothing will ever happen (the
     * simulated world, which is alone with its thread). `mask` is a signal mask for the wait, or NULL.
     */
    int (*wait)(void *self, uint64_t until_ns, const void *mask, size_t mask_size);

    /* Ends a wait() of another thread. */
    void (*wake)(void *self);

    void (*lock)(void *self);
    void (*unlock)(void *self);

    /* May the calling thread use this world? 0, or -EEXIST: it belongs to another (the simulated world). */
    int (*check_thread)(void *self);

    void (*release)(void *self);

    /*
     * The calling thread's number, not 0; 0 for a world that belongs to one thread. Decides IORING_SETUP_SINGLE_ISSUER,
     * and whether a wake() (backend.h) may post its CQE at once, with the lock held (numbers) or leaves it to the next
     * enter (0). NULL: as 0.
     */
    uint64_t (*thread)(void *self);

    /* Do both stand for one open file description? NULL: when they are one object (IORING_ASYNC_CANCEL_FD). */
    bool (*same_file)(void *self, const struct sri_file *one, const struct sri_file *other);

    /* Adds to an eventfd's counter, without blocking; a full counter stays. With 0 it only asks: 0, or -EINVAL for
     * what is no eventfd. NULL: this world has none (io_uring_register answers -EINVAL). */
    int (*eventfd_add)(void *self, struct sri_file *file, uint64_t value);

    /* What a clock other than now_ns() shows now. NULL: all of them show now_ns(). */
    uint64_t (*clock_ns)(void *self, enum sri_clock clock);

    /* How many processors there are, for IORING_SETUP_SQ_AFF. NULL: one. */
    uint32_t (*processors)(void *self);

    /* The end of what sri_engine_part() took. */
    void (*file_end)(void *self, struct sri_file *file);

    /*
     * For a world that can't tell when an object is nobody's any more: the object of a descriptor that is about to be closed,
     * held, when others may see its end (a pipe, a socket) and file_end() of it won't block; else NULL.
     */
    struct sri_file *(*file_closing)(void *self, int fd);

    /* A held object will be held for long: 0, or -errno when it can't be without its number. NULL: it always can. */
    int (*file_keep)(void *self, struct sri_file *file);

    /* One more hold of an object that is kept: 0 or -errno. NULL: there is none (a file can't be sent to a ring). */
    int (*file_again)(void *self, struct sri_file *file, struct sri_file **again);

    /* How many descriptors a process may have, which is also the most files a ring may register. NULL: no limit. */
    uint32_t (*descriptor_limit)(void *self);

    /* SRI_OBJECT_* of a descriptor's object. NULL: all of them poll and are nothing else. */
    uint32_t (*object)(void *self, const struct sri_file *file);

    /* A poll that went on ended while it did not wait: what its `state` stands for goes. NULL: that is nothing. */
    void (*forget)(void *self, struct sri_attempt *attempt);

    /* A send lent its bytes until now: what the peer has not received of the `length` that were sent is as they are now.
     * NULL: they were copied when they were sent. */
    void (*reread)(void *self, const struct sri_attempt *attempt, uint64_t length);
};

struct sri_world {
    const struct sri_world_vtable *vtable;
    void *self;
    const uint64_t *now; /* what now_ns() says, where that is a number that stands somewhere; else NULL */
};

#endif
