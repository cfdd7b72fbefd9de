/*
 * The simulated world from the inside: its objects and what its rooms offer each other. For mock/world alone.
 */
#ifndef SRI_WORLD_OBJECTS_H
#define SRI_WORLD_OBJECTS_H

#include <stdatomic.h>

#include <pthread.h>

#include "world/disk.h"
#include "world/stream.h"
#include "world/tree.h"
#include "world/world.h"

enum sri_file_kind {
    SRI_FILE_REGULAR,
    SRI_FILE_DIRECTORY,
    SRI_FILE_PIPE_READ,
    SRI_FILE_PIPE_WRITE,
    SRI_FILE_SOCKET,
    SRI_FILE_RING,
    SRI_FILE_EVENTFD,
};

struct sri_waiting {
    struct sri_attempt *first;
    struct sri_attempt *last;
};

/* What a pipe's two ends share. An end that is gone is NULL. */
struct sri_pipe {
    struct sri_stream stream;
    struct sri_file *reader;
    struct sri_file *writer;
};

enum sri_socket_state {
    SRI_SOCKET_IDLE,
    SRI_SOCKET_LISTENING,
    SRI_SOCKET_CONNECTED,
    SRI_SOCKET_GONE, /* was connected, and its peer is gone */
};

struct sri_socket {
    struct sri_file *file;    /* NULL: not accepted yet */
    struct sri_socket *peer;  /* NULL unless connected */
    struct sri_socket *queue; /* the listener whose backlog it stands in, or whose room it waits for */
    struct sri_inode *inode;  /* of a listener with a name */
    struct sri_node among;    /* listeners of the world, or the queue's */
    struct sri_node pending;  /* a listener's: to be accepted */
    struct sri_node knocking; /* a listener's: sockets that wait for room */
    struct sri_stream incoming;
    struct sri_address local;
    struct sri_address remote;
    enum sri_socket_state state;
    int domain;
    int error; /* told once: ECONNRESET */
    uint32_t pending_count;
    uint32_t backlog;
    bool reads_shut;
    bool writes_shut;
    bool peer_writes_shut; /* the end of what is incoming was sent */
};

/* An open file description. */
struct sri_file {
    enum sri_file_kind kind;
    uint32_t references; /* descriptors, and attempts that hold it */
    uint32_t flags;      /* as opened */
    uint64_t position;
    struct sri_waiting waiting;
    struct sri_inode *inode;
    struct sri_pipe *pipe;
    struct sri_socket *socket;
    void *ring;
    uint64_t counter;  /* an eventfd's */
    bool readable;     /* a ring with something to see */
    uint32_t edges_in; /* changes so far: something to read, room to write */
    uint32_t edges_out;
};

struct sri_slot {
    struct sri_file *file;
    bool by_operation;
};

struct sri_sim_world {
    struct sri_sim_world_options options;
    struct sri_sim_world_links links;
    struct sri_chooser chooser;
    pthread_t owner;
    atomic_bool woken;
    uint64_t now_ns;
    uint64_t limit_next; /* bytes, for the next transfer; 0: none */
    uint64_t arrival_ns; /* the earliest of the streams under way, or SRI_NEVER */
    bool powerless;      /* every attempt ends with -EIO */
    bool burnt;          /* since the fuse burnt down */
    uint8_t remains;     /* of what was not synced when power was lost (power.c) */
    uint64_t fuse;       /* attempts until power is lost; UINT64_MAX: it is not */
    struct sri_node under_way;
    struct sri_node listeners;
    struct sri_disk disk;
    struct sri_tree tree;
    struct sri_stock files;
    struct sri_stock pipes;
    struct sri_stock sockets;
    struct sri_slot *slots; /* slot_count of them; options.max_descriptors may be used */
    uint32_t slot_count;
    int lowest;   /* no descriptor below is free */
    int highest;  /* none from here on is open */
    int pollable; /* a descriptor of the program that is always readable, or -1 */
    uint16_t next_port;
};

/* Time a look takes, and the clock's beginning. */
#define SRI_LOOK_NS UINT64_C(1000)
#define SRI_START_NS UINT64_C(1000000000)

/* ---- descriptors (table.c) ---- */

#define SRI_FIRST_FD 3

/* A new description with no reference. NULL: no memory. */
struct sri_file *sri_file_new(struct sri_sim_world *world, enum sri_file_kind kind, uint32_t flags);
struct sri_file *sri_file_at(struct sri_sim_world *world, int fd);
void sri_file_hold(struct sri_file *file);
/* The last one frees the description and ends what it stands for. */
void sri_file_drop(struct sri_sim_world *world, struct sri_file *file);
/* The lowest free number now stands for it and holds it. -EMFILE. */
int sri_descriptor_make(struct sri_sim_world *world, struct sri_file *file, bool by_operation);
int sri_descriptor_close(struct sri_sim_world *world, int fd);

/* ---- waiting (wait.c) ---- */

void sri_wait_on(struct sri_attempt *attempt, uint32_t wait_for);
/* The same, unless its flags forbid to wait: -EAGAIN. */
enum sri_answer sri_wait_unless_told(struct sri_attempt *attempt, uint32_t wait_for, int64_t *result);
/* Takes it out; false when it does not wait. */
bool sri_wait_cancel(struct sri_attempt *attempt);
/* The object changed: those that wait for what is now true may go on. */
void sri_wake_waiters(struct sri_sim_world *world, struct sri_file *file);
/* All that wait for the object may go on. */
void sri_wake_all(struct sri_sim_world *world, struct sri_file *file);
/* The same of a change that is about these POLL* alone; 0: it matters only to those that wait for what is true. */
void sri_wake_for(struct sri_sim_world *world, struct sri_file *file, uint32_t key);
/* POLL* that are true of an object. */
uint32_t sri_readiness(struct sri_sim_world *world, const struct sri_file *file);
/* One answer of the world's own freedoms. */
uint32_t sri_world_pick(struct sri_sim_world *world, enum sri_world_freedom freedom, uint32_t n,
                        const struct sri_attempt *attempt);

/* ---- polls that go on (edge.c) ---- */

enum sri_answer sri_edge_poll(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result);
void sri_edge_count(struct sri_file *file, uint32_t key);

/* ---- files and directories (regular.c: their bytes; open.c; names.c; status.c) ---- */

enum sri_answer sri_regular_start(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result);
int64_t sri_regular_sync(struct sri_sim_world *world, const struct sri_attempt *attempt);
int64_t sri_regular_range(struct sri_sim_world *world, const struct sri_attempt *attempt);

/* How and where to open. */
struct sri_opening {
    struct sri_inode *from;
    uint64_t flags;
    uint64_t mode;
    uint64_t resolve;
    bool by_operation;
};
/* Opens a path; the descriptor, or -errno. */
int sri_open_path(struct sri_sim_world *world, const struct sri_opening *how, const char *path);
int64_t sri_open_attempt(struct sri_sim_world *world, const struct sri_path *path);
/* Where a path begins. -EBADF, -ENOTDIR. */
int sri_open_from(struct sri_sim_world *world, int directory, const char *path, uint64_t resolve,
                  struct sri_inode **from);
int64_t sri_names_attempt(struct sri_sim_world *world, const struct sri_attempt *attempt);
int64_t sri_status_attempt(struct sri_sim_world *world, struct sri_status *status);
int64_t sri_xattr_attempt(struct sri_sim_world *world, const struct sri_attempt *attempt);
int64_t sri_advise_attempt(struct sri_sim_world *world, const struct sri_attempt *attempt);

/* Permission bits that new files don't get. */
#define SRI_UMASK 022u

/* ---- power (power.c) ---- */

void sri_power_init(struct sri_sim_world *world);
void sri_power_reset(struct sri_sim_world *world);
/* Asked by each attempt before it is made: is there no power, or none any more? */
bool sri_power_fails(struct sri_sim_world *world);

/* ---- pipes (pipe.c) ---- */

int sri_pipe_make(struct sri_sim_world *world, struct sri_file *ends[2]);
enum sri_answer sri_pipe_start(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result);
uint32_t sri_pipe_readiness(const struct sri_file *file);
void sri_pipe_end(struct sri_sim_world *world, struct sri_file *file);

/* ---- eventfd (eventfd.c) ---- */

enum sri_answer sri_eventfd_start(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result);
uint32_t sri_eventfd_readiness(const struct sri_file *file);
/* Never waits: a full counter stays. -EINVAL: no eventfd. */
int sri_eventfd_add(struct sri_sim_world *world, struct sri_file *file, uint64_t value);

/* ---- sockets (socket.c: their life; transfer.c: their bytes) ---- */

struct sri_socket *sri_socket_new(struct sri_sim_world *world, int domain);
/* A description for it. NULL: no memory, and the socket is as before. */
struct sri_file *sri_socket_file(struct sri_sim_world *world, struct sri_socket *socket, uint32_t flags);
void sri_socket_join(struct sri_sim_world *world, struct sri_socket *a, struct sri_socket *b);
void sri_socket_end(struct sri_sim_world *world, struct sri_socket *socket);
int sri_socket_listen(struct sri_sim_world *world, struct sri_socket *socket,
                      const struct sri_address *address, int backlog);
enum sri_answer sri_socket_accept(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result);
enum sri_answer sri_socket_connect(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result);
/* A connect that waited is given up, or tried again. */
void sri_socket_stop_knocking(struct sri_socket *socket);
int sri_socket_shutdown(struct sri_sim_world *world, struct sri_socket *socket, int how);
void sri_socket_cut(struct sri_sim_world *world, struct sri_socket *socket);
uint32_t sri_socket_readiness(const struct sri_socket *socket);
enum sri_answer sri_socket_transfer(struct sri_sim_world *world, struct sri_attempt *attempt,
                                    int64_t *result);
/* Bytes that are due arrive; then the earliest of the rest is known. */
void sri_deliver(struct sri_sim_world *world);

#endif
