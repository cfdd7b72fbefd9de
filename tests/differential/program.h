/*
 * A random program of submission queue entries: what is drawn from a tape. It says nothing of what a kernel answers.
 *
 * A program is a list of rounds over a few objects. A round pokes the objects from outside, prepares entries, enters, and
 * usually waits for what is going to come. Every string of bytes is a tape and so a program; where a tape ends every
 * choice is 0, which is the end of a list or the plainest entry.
 */
#ifndef TESTS_DIFFERENTIAL_PROGRAM_H
#define TESTS_DIFFERENTIAL_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "fate/tape.h"

enum {
    DF_OBJECTS = 5,
    DF_ROUNDS = 6,
    DF_ROUND_ENTRIES = 12,
    DF_ENTRIES = 40,
    DF_POKES = 2,
    DF_BYTES = 64, /* of each entry's buffer, and of a new file */
};

enum df_object_kind {
    DF_PIPE,     /* ends: 0 is read, 1 is written */
    DF_PAIR,     /* two unix stream sockets */
    DF_FILE,     /* end 0; end 1 is the same file, opened again */
    DF_TCP,      /* a connection over the loopback */
    DF_LISTENER, /* end 0 listens, end 1 is a socket to connect with */
    DF_FULL,     /* a pipe of which not a byte is free */
    DF_NOTHING,  /* no descriptor */
    DF_OBJECT_KINDS
};

enum df_kind {
    DF_NOP,
    DF_READ,
    DF_WRITE,
    DF_READV,
    DF_WRITEV,
    DF_RECV,
    DF_SEND,
    DF_RECVMSG,
    DF_SENDMSG,
    DF_READ_FIXED,
    DF_WRITE_FIXED,
    DF_POLL,
    DF_TIMEOUT,
    DF_CANCEL,
    DF_ACCEPT,
    DF_CONNECT,
    DF_POLL_REMOVE,
    DF_POLL_UPDATE,
    DF_TIMEOUT_REMOVE,
    DF_TIMEOUT_UPDATE,
    DF_LINK_TIMEOUT,
    DF_FSYNC,
    DF_OPENAT,
    DF_CLOSE,
    DF_BAD, /* refused when it is prepared */
    DF_KINDS
};

/* What is registered with the ring before the program begins; bits. */
enum {
    DF_HAS_FILES = 1 << 0,   /* every end of every object, at 2 * object + end */
    DF_HAS_BUFFERS = 1 << 1, /* every entry's bytes, at the entry's index */
    DF_HAS_GROUP = 1 << 2,   /* a group of buffers, provided one by one */
    DF_HAS_RING = 1 << 3,    /* the same group, provided by a ring */
};

/* What is done to that between two rounds. */
enum df_registration {
    DF_NO_REGISTRATION,
    DF_EMPTY_SLOT,
    DF_FILL_SLOT,
    DF_FILES_AGAIN,
    DF_NO_FILES,
    DF_BUFFERS_AGAIN,
    DF_NO_BUFFERS,
    DF_REGISTRATIONS
};

#define DF_GROUP 7

/* How DF_CANCEL finds whom. */
enum df_key {
    DF_BY_DATA,
    DF_BY_DATA_ALL,
    DF_BY_FD,
    DF_BY_FD_ALL,
    DF_BY_ANY,
    DF_BY_OP,
    DF_KEYS
};

struct df_entry {
    uint8_t kind;
    uint8_t object;
    uint8_t end;
    uint8_t length; /* bytes */
    uint8_t flags;  /* IOSQE_* */
    uint8_t variant;
    uint8_t target; /* index of an entry that is cancelled, removed or updated */
    uint8_t user_data;
    uint64_t offset;
    bool many;   /* goes on after a CQE */
    bool brief;  /* a timeout that will expire */
    bool floats; /* the true kernel carries it out in a worker, at a time of its own */
};

enum df_poke_kind {
    DF_POKE_WRITE,
    DF_POKE_READ,
    DF_POKE_CLOSE,
    DF_POKE_SHUTDOWN,
    DF_POKE_KINDS
};

/* What happens to an object outside the ring. */
struct df_poke {
    uint8_t kind;
    uint8_t object;
    uint8_t end;
    uint8_t length;
};

struct df_round {
    uint8_t registration; /* enum df_registration */
    uint8_t slot;
    uint8_t pokes;
    uint8_t first; /* entries first .. first + count - 1 are prepared here */
    uint8_t count;
    uint8_t left_out; /* so many are not submitted in this round */
    bool get_events;  /* the submitting enter has IORING_ENTER_GETEVENTS */
    bool settles;     /* waits for all that is going to come by itself */
    bool leaves_cqes; /* does not take them */
    struct df_poke poke[DF_POKES];
};

struct df_program {
    uint32_t setup_flags;
    uint8_t registers;
    uint8_t cq_entries; /* 0: twice the SQ's */
    uint8_t object[DF_OBJECTS];
    uint8_t rounds;
    uint8_t entries;
    bool brief; /* has timeouts that expire */
    bool wild;  /* entries that float stand anywhere, not only in chains by themselves */
    struct df_round round[DF_ROUNDS];
    struct df_entry entry[DF_ENTRIES];
};

#define DF_SQ_ENTRIES 16u
#define DF_BRIEF_NS UINT64_C(2000000)
#define DF_BAD_FD 1000000

/*
 * How far a program goes. The plain ones hold to what the engine is known to do as the true kernel does, word by word; the
 * bold ones are for finding where it does not yet.
 */
enum df_reach {
    DF_PLAIN,
    DF_BOLD
};

void df_program_draw(struct df_program *program, struct sri_tape *tape, enum df_reach reach);

/* "READV" and the like. */
const char *df_kind_name(uint8_t kind);
const char *df_registration_name(uint8_t registration);

#endif
