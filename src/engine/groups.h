/*
 * Groups of provided buffers: what a ring holds of them, and how a request gets one.
 *
 * A request that waits holds none, but for a read of a group of the first kind, which keeps what it was given (measured).
 */
#ifndef SRI_ENGINE_GROUPS_H
#define SRI_ENGINE_GROUPS_H

#include "engine/request.h"

struct io_uring_sqe;

/* Newer than the oldest headers this is built with. */
#define SRI_PBUF_MMAP 1u
#define SRI_PBUF_INC 2u
#define SRI_OFF_PBUF UINT64_C(0x80000000)
#define SRI_OFF_PBUF_SHIFT 16
#define SRI_REGISTER_PBUF_STATUS 26u
#define SRI_CQE_F_BUF_MORE (1u << 4)

struct sri_provided {
    uint64_t address;
    uint32_t length;
    uint16_t id;
};

/* The first kind: a queue of what PROVIDE_BUFFERS brought. The second: a ring in memory that the program fills. */
struct sri_group {
    struct sri_group *next;
    struct sri_provided *provided; /* `capacity` of them, a power of two; `first` counts on */
    uint32_t capacity;
    uint32_t first;
    uint32_t count;
    struct io_uring_buf_ring *ring; /* NULL: the first kind */
    struct sri_region *region;      /* of the kernel's memory, when the ring lies there */
    uint16_t mask;
    uint16_t head;
    uint16_t id;
    bool bit_by_bit; /* SRI_PBUF_INC: a buffer goes only when it is used up */
};

/* provide.c: making groups and taking them away. */
struct sri_group *sri_group_find(const struct sri_ring *ring, uint16_t id);
int sri_register_pbuf_ring(struct sri_ring *ring, const void *arg, uint32_t count);
int sri_unregister_pbuf_ring(struct sri_ring *ring, const void *arg, uint32_t count);
int sri_register_pbuf_status(struct sri_ring *ring, void *arg, uint32_t count);
/* What mmap(2) of a ring's descriptor gives at such an offset: NULL, there is none. */
struct sri_region *sri_group_region(const struct sri_ring *ring, uint64_t offset);
void sri_groups_drop(struct sri_ring *ring);

/* select.c: a buffer for one attempt. */
/* After an SQE with IOSQE_BUFFER_SELECT was prepared. */
void sri_select_prepared(struct sri_request *request);
/* Chooses a buffer and makes it the request's segment: 0, -ENOBUFS, -EFAULT or -ENOTSOCK. */
int sri_select(struct sri_request *request);
/* The attempt has this outcome: what was chosen is taken, or stays where it is. */
void sri_select_settle(struct sri_request *request, int64_t result);
/* The attempt goes on by itself: what was chosen is taken now. */
void sri_select_keep(struct sri_request *request);
/* The request waits: what was chosen stays where it is. */
void sri_select_return(struct sri_request *request);
/* It is refused before it was attempted, though with a buffer where one is chosen first: the errno to tell. */
int sri_select_in_vain(struct sri_request *request, int error);

#endif
