/*
 * The simulated world from the inside: its objects and what its rooms offer each other. For mock/world alone.
 */
#ifndef SRI_WORLD_OBJECTS_H
#define SRI_WORLD_OBJECTS_H

#include <stdatomic.h>

#include <pthread.h>
#include <sys/socket.h>

#include "world/disk.h"
#include "world/pages.h"
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
    SRI_FILE_EPOLL,
};

struct sri_waiting {
    struct sri_attempt *first;
    struct sri_attempt *last;
};

/* What a pipe's two ends share. An end that is gone is NULL. */
struct sri_pipe {
    struct sri_stream stream;
    struct sri_pages pages;
    struct sri_file *reader;
    struct sri_file *writer;
};

enum sri_socket_state {
    SRI_SOCKET_IDLE,
    SRI_SOCKET_CONNECTING, /* its request is on the way, until incoming.arrival_ns */
    SRI_SOCKET_LISTENING,
    SRI_SOCKET_CONNECTED,
    SRI_SOCKET_GONE, /* was connected, and the connection is no more */
};

struct sri_socket {
    struct sri_file *file;    /* NULL: not accepted yet */
    struct sri_socket *peer;  /* NULL unless connected; of a datagram socket of AF_UNIX: where it sends */
    struct sri_socket *queue; /* the listener whose backlog it stands in, or whose room it waits for */
    struct sri_inode *inode;  /* of one with a name in the tree */
    struct sri_node among;    /* the world's named sockets */
    struct sri_node place;    /* in its queue */
    struct sri_node pending;  /* a listener's: to be accepted */
    struct sri_node knocking; /* a listener's: sockets that wait for room */
    struct sri_node fans;     /* datagram sockets of AF_UNIX that send here */
    struct sri_node fan;      /* in its peer's */
    struct sri_node blocked;  /* in the world's, when it waits for some queue to have room */
    struct sri_stream incoming;
    uint64_t taken;          /* bytes ever taken out of incoming */
    struct sri_node parcels; /* descriptors on the way in, by where in the stream they are */
    struct sri_address local;
    struct sri_address remote;
    enum sri_socket_state state;
    int domain;
    int type;  /* SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET */
    int error; /* told once */
    uint32_t pending_count;
    uint32_t backlog;
    uint32_t queued;       /* datagrams in incoming */
    uint64_t queued_bytes; /* theirs */
    uint32_t window;       /* bytes of them it holds */
    bool bound;            /* has a name or a port */
    bool reads_shut;
    bool writes_shut;
    bool peer_writes_shut; /* the end of what is incoming was sent */
    bool peer_reads_shut;  /* what it sends is read by nobody (AF_UNIX) */
    bool refused;          /* its peer of AF_UNIX is no more, and it has not been told */
};

/* Descriptors that go with a part of a stream: SCM_RIGHTS. */
#define SRI_PARCEL_MOST 253

struct sri_parcel {
    struct sri_node node;
    uint64_t begin; /* of all bytes that ever went that way */
    uint64_t end;
    uint32_t count;
    struct sri_file *files[SRI_PARCEL_MOST];
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
    uint64_t counter;          /* an eventfd's */
    bool semaphore;            /* an eventfd with EFD_SEMAPHORE */
    bool readable;             /* a ring with something to see */
    struct sri_node watchers;  /* what epoll instances watch it for */
    struct sri_node interests; /* an epoll instance's */
    struct sri_node signalled; /* of them, those that may be ready */
    uint32_t edges_in;         /* changes so far: something to read, room to write */
    uint32_t edges_out;
};

/* What an epoll instance watches: a description under a number. */
struct sri_watch {
    struct sri_node of_file;
    struct sri_node of_instance;
    struct sri_node signal;
    struct sri_file *file;
    struct sri_file *instance;
    int fd;
    uint32_t events; /* 0: told once, and silent until it is changed */
    uint64_t data;
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
    struct sri_node named;   /* sockets with an address */
    struct sri_node blocked; /* datagram sockets that wait for room in some queue */
    struct sri_disk disk;
    struct sri_tree tree;
    struct sri_stock files;
    struct sri_stock pipes;
    struct sri_stock sockets;
    struct sri_stock watches;
    struct sri_stock parcels;
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
/* The end of what has no reference left. */
void sri_file_end(struct sri_sim_world *world, struct sri_file *file);
/* The lowest free number now stands for it and holds it. -EMFILE. */
int sri_descriptor_make(struct sri_sim_world *world, struct sri_file *file, bool by_operation);
int sri_descriptor_close(struct sri_sim_world *world, int fd);

/* ---- waiting (wait.c) ---- */

void sri_wait_on(struct sri_attempt *attempt, uint32_t wait_for);
/* The same for another object than the attempt's own. */
void sri_wait_at(struct sri_attempt *attempt, struct sri_file *file, uint32_t wait_for);
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
/* Those that wait for one of these may go on, whatever the object says of itself. */
void sri_tell_waiters(struct sri_sim_world *world, struct sri_file *file, uint32_t ready);
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

/* Of so many bytes, rounded up to pages. -ENOMEM. */
int sri_pipe_make(struct sri_sim_world *world, uint64_t bytes, struct sri_file *ends[2]);
enum sri_answer sri_pipe_start(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result);
uint32_t sri_pipe_readiness(const struct sri_file *file);
void sri_pipe_end(struct sri_sim_world *world, struct sri_file *file);

/* Moves at most `most` bytes between pipes, page by page; `copy` leaves them in the first. */
size_t sri_pipe_move(struct sri_sim_world *world, struct sri_pipe *from, struct sri_pipe *to, size_t most,
                     bool copy);

/* ---- splice and tee (splice.c) ---- */

enum sri_answer sri_splice_start(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result);

/* ---- epoll instances (interest.c) ---- */

int64_t sri_interest_change(struct sri_sim_world *world, const struct sri_interest *interest);
uint32_t sri_interest_readiness(struct sri_sim_world *world, const struct sri_file *instance);
/* A watched object changed. */
void sri_interest_signal(struct sri_sim_world *world, struct sri_file *file);
/* What is ready now, as epoll_wait(2) takes it; false: nothing is left. */
bool sri_interest_take(struct sri_sim_world *world, struct sri_file *instance, uint32_t *events,
                       uint64_t *data);
/* The description ends: nobody watches it, and it watches nobody. */
void sri_interest_end(struct sri_sim_world *world, struct sri_file *file);

/* ---- eventfd (eventfd.c) ---- */

enum sri_answer sri_eventfd_start(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result);
uint32_t sri_eventfd_readiness(const struct sri_file *file);
/* Never waits: a full counter stays. -EINVAL: no eventfd. */
int sri_eventfd_add(struct sri_sim_world *world, struct sri_file *file, uint64_t value);

/* ---- addresses (address.c) ---- */

/* 0, or what is wrong with an address for this socket. */
int sri_address_check(const struct sri_socket *socket, const struct sri_address *address);
/* Gives a socket a name; port 0: the lowest free one from 49152 on. -EADDRINUSE, -EINVAL (it has one), those of a path. */
int sri_address_bind(struct sri_sim_world *world, struct sri_socket *socket,
                     const struct sri_address *address);
/* A datagram socket that sends gets a port. */
void sri_address_bind_any(struct sri_sim_world *world, struct sri_socket *socket);
/* The name is free again; a path stays, and nobody is there. */
void sri_address_leave(struct sri_socket *socket);
/* The socket of this type at an address. NULL: *error says why. */
struct sri_socket *sri_address_find(struct sri_sim_world *world, const struct sri_address *address, int type,
                                    int *error);
bool sri_address_same(const struct sri_address *a, const struct sri_address *b);
/* The port of its own for who connects, or none with AF_UNIX. */
void sri_address_of_client(struct sri_sim_world *world, struct sri_socket *socket);

/* ---- sockets (socket.c: their life; connect.c: how they find each other; transfer.c, datagram.c: their bytes) ---- */

static inline bool sri_socket_is_internet(const struct sri_socket *socket)
{
    return socket->domain != AF_UNIX;
}

/* Does each send stand alone? */
static inline bool sri_socket_has_boundaries(const struct sri_socket *socket)
{
    return socket->type != SOCK_STREAM;
}

/* Can there be a socket of this kind? 0 or -errno, as socket(2). */
int sri_socket_check_kind(const struct sri_socket_kind *kind);
struct sri_socket *sri_socket_new(struct sri_sim_world *world, int domain, int type);
/* A new one with its description. NULL: no memory. */
struct sri_file *sri_socket_open(struct sri_sim_world *world, int domain, int type);
/* A description for it. NULL: no memory, and the socket is as before. */
struct sri_file *sri_socket_file(struct sri_sim_world *world, struct sri_socket *socket, uint32_t flags);
void sri_socket_join(struct sri_sim_world *world, struct sri_socket *a, struct sri_socket *b);
void sri_socket_end(struct sri_sim_world *world, struct sri_socket *socket);
int sri_socket_shutdown(struct sri_sim_world *world, struct sri_socket *socket, int how);
void sri_socket_cut(struct sri_sim_world *world, struct sri_socket *socket);
uint32_t sri_socket_readiness(const struct sri_socket *socket);
int64_t sri_socket_attempt(struct sri_sim_world *world, const struct sri_socket_kind *kind);

/* Of one that is bound, or was never connected. -EINVAL, -EOPNOTSUPP. */
int sri_socket_listen(struct sri_sim_world *world, struct sri_socket *socket, int backlog);
void sri_socket_stop_listening(struct sri_sim_world *world, struct sri_socket *listener);
enum sri_answer sri_socket_accept(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result);
enum sri_answer sri_socket_connect(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result);
/* A connect that waited is given up, or tried again. */
void sri_socket_stop_knocking(struct sri_sim_world *world, struct sri_socket *socket);

enum sri_answer sri_socket_transfer(struct sri_sim_world *world, struct sri_attempt *attempt,
                                    int64_t *result);
/* So many bytes that a send put into a stream are read from the program once more, where nobody has received them yet. */
void sri_socket_reread(struct sri_sim_world *world, const struct sri_attempt *attempt, uint64_t length);
/* The peer's connection ends: in order, or with an error that both may be told. */
void sri_socket_reset(struct sri_sim_world *world, struct sri_socket *socket, int error);
int sri_socket_take_error(struct sri_socket *socket);
/* Bytes that are due arrive; then the earliest of the rest is known. */
void sri_deliver(struct sri_sim_world *world);
/* `sent` bytes were put into a socket's stream: they arrive now, or with those that are under way, or later. */
void sri_dispatch(struct sri_sim_world *world, struct sri_socket *to, size_t sent,
                  const struct sri_attempt *attempt);
/* A moment of a delay, for who waits for the loopback. */
void sri_take_time(struct sri_sim_world *world, struct sri_socket *socket, uint64_t duration_ns);

/* Where a datagram socket of AF_UNIX sends; NULL: nowhere. */
void sri_datagram_set_peer(struct sri_socket *socket, struct sri_socket *peer);
int sri_datagram_connect(struct sri_sim_world *world, struct sri_socket *socket,
                         const struct sri_address *address);
bool sri_datagram_is_writable(const struct sri_socket *socket);
/* A queue has room, or is no more: all who wait for one look again. */
void sri_datagram_let_send(struct sri_sim_world *world);
enum sri_answer sri_datagram_send(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result);
enum sri_answer sri_datagram_receive(struct sri_sim_world *world, struct sri_attempt *attempt,
                                     int64_t *result);

/* ---- what goes with the bytes (parcel.c) ---- */

/* The descriptors of a message's control bytes; NULL when there are none. -EBADF, -EINVAL, -ENOMEM. */
int sri_parcel_pack(struct sri_sim_world *world, const struct sri_message *message,
                    struct sri_parcel **parcel);
void sri_parcel_drop(struct sri_sim_world *world, struct sri_parcel *parcel);
/* It goes with the next `length` bytes put into a socket's stream. */
void sri_parcel_post(struct sri_socket *to, struct sri_parcel *parcel, size_t length);
/* The first one on the way, or NULL. */
struct sri_parcel *sri_parcel_first(const struct sri_socket *socket);
/* Its descriptors become the program's, as far as there is room; `message` NULL: they are closed. */
void sri_parcel_open(struct sri_sim_world *world, struct sri_parcel *parcel, struct sri_message *message,
                     bool keep);

#endif
