/*
 * One program on several kernels, compared word by word.
 *
 * A case runs against a ring and writes a transcript: what calls returned, CQEs in order, data. The expected transcript
 * stands beside it and is what the true kernel answered. Nothing in a transcript may depend on time, on addresses or on
 * the numbers of descriptors.
 */
#ifndef TESTS_SUPPORT_CONFORM_H
#define TESTS_SUPPORT_CONFORM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "support/raw_ring.h"

struct conform_sockets;

/* Where a case's objects come from: descriptors of the kernel the ring belongs to. All end the test when they fail. */
struct conform_objects {
    void (*pipe)(void *self, int ends[2]);
    void (*socketpair)(void *self, int ends[2]);
    int (*listen)(void *self, struct sockaddr_storage *address,
                  socklen_t *length); /* a stream socket at a new address */
    int (*socket)(void *self);        /* to connect to it */
    int (*file)(void *self,
                const char *content); /* a regular file, open for reading and writing; its path is "file" */
    const char *(*path)(void *self);  /* of the file last made */
    int (*write)(void *self, int fd, const char *text);        /* the number of bytes */
    int (*read)(void *self, int fd, void *bytes, size_t size); /* the same, 0 at the end */
    void (*close)(void *self, int fd);
    int (*eventfd)(void *self);                  /* its reads don't wait */
    const struct conform_sockets *sockets;       /* conform_sockets.h */
    void (*connection)(void *self, int ends[2]); /* a connected pair of AF_INET stream sockets */
};

/* One kernel under test. */
struct conform_column {
    const char *name;
    /* Makes a kernel with no ring: 0; anything else: it can't be had here, and its tests are skipped. */
    int (*open)(struct sr_backend *backend, const struct conform_objects **objects, void **self);
    void (*close)(struct sr_backend *backend, void *self);
};

extern const struct conform_column conform_uring;
extern const struct conform_column conform_engine;
extern const struct conform_column conform_sim;

struct conform {
    struct raw_ring ring; /* 8 entries, unless the case says otherwise */
    const struct conform_objects *objects;
    void *self;
    size_t length;
    char transcript[4096];
};

struct conform_case {
    const char *name;
    void (*run)(struct conform *c);
    const char *expected;
    unsigned setup_flags;
    unsigned entries; /* 0: 8 */
    /*
     * NULL: kernels agree. Else they are known not to, and this is the version ("6.18") that answered `expected`: where
     * another one runs, a difference of the true kernel is shown as "differs, known" and fails nothing.
     */
    const char *measured;
};

/* Times: soon, and so late that it must not matter. */
#define CONFORM_MILLISECOND ((struct __kernel_timespec){.tv_nsec = 1000000})
#define CONFORM_LONG ((struct __kernel_timespec){.tv_sec = 60})

/* Runs every case on a kernel of its own; fails the cmocka test after the last when any differs. */
void conform_run(const struct conform_column *column, const struct conform_case *cases, size_t count);

/* ---- What a case is made of. Each writes one line, or one per CQE. ---- */

void conform_say(struct conform *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "what: 3", or the errno's name where the value is negative. */
void conform_value(struct conform *c, const char *what, int64_t value);

/* Enters with what was prepared, without GETEVENTS: "submit: 3". */
void conform_submit(struct conform *c);

/* Waits until `count` CQEs are there and takes them: "1: 0", "2: ECANCELED", with flags "3: 5 flags 2". */
void conform_take(struct conform *c, unsigned count);

/* Takes one whose result is a descriptor, and returns that: "4: a descriptor". */
int conform_take_descriptor(struct conform *c);

/* Takes what is there after one look (an enter with GETEVENTS): "nothing" when there is nothing. */
void conform_take_now(struct conform *c);

/* "data: abc". */
void conform_data(struct conform *c, const void *bytes, size_t size);

/* The next entry; never NULL. */
struct io_uring_sqe *conform_sqe(struct conform *c, uint64_t user_data);

/* Objects. */
static inline void conform_pipe(struct conform *c, int ends[2])
{
    c->objects->pipe(c->self, ends);
}

static inline void conform_socketpair(struct conform *c, int ends[2])
{
    c->objects->socketpair(c->self, ends);
}

static inline void conform_connection(struct conform *c, int ends[2])
{
    c->objects->connection(c->self, ends);
}

static inline int conform_file(struct conform *c, const char *content)
{
    return c->objects->file(c->self, content);
}

static inline void conform_write(struct conform *c, int fd, const char *text)
{
    conform_value(c, "written", c->objects->write(c->self, fd, text));
}

static inline void conform_close(struct conform *c, int fd)
{
    c->objects->close(c->self, fd);
}

static inline void conform_close_both(struct conform *c, const int ends[2])
{
    conform_close(c, ends[0]);
    conform_close(c, ends[1]);
}

#endif
