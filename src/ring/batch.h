/*
 * The inside of a batch.
 */
#ifndef SRI_RING_BATCH_H
#define SRI_RING_BATCH_H

#include "ring/batch_graph.h"
#include "ring/ring_private.h"
#include "safer_ring/batch.h"

/* One operation of a batch; where it stands is the graph's. */
struct sri_batch_member {
    struct sr_batch *batch;
    struct sr_op_spec spec;   /* its argument is `argument` */
    struct sr_buffer *buffer; /* the batch's (SRI_OWNER_BATCH); NULL: none, lent, inherited on, or taken */
    void *argument;           /* a copy (ARG-1), or where a peer's address is kept (ARG-2) */
    uint64_t op;              /* once started */
    size_t size;              /* of the buffer it was added with */
    uint32_t heir;            /* the one that inherits its buffer, or SRI_NO_NODE */
    uint32_t inherits;        /* from this one, or SRI_NO_NODE */
    uint32_t length;          /* bytes asked for */
    int32_t result;
    uint32_t cqe_flags;
    uint32_t peer_length;
    bool linked; /* its entry stands behind that of the one it depends on, which has IOSQE_IO_LINK */
    bool taken;
};

enum sri_batch_stage {
    SRI_BATCH_BUILDING,
    SRI_BATCH_RUNNING,
    SRI_BATCH_HANDED, /* the program holds its result */
    SRI_BATCH_SHELL,  /* a drain has ended it while sr_batch_submit()'s caller has the handle */
};

struct sr_batch {
    struct sr_batch_options options;
    struct sri_graph graph;
    struct sri_batch_member *members;
    uint32_t room;
    uint32_t started; /* members the ring has */
    enum sri_batch_stage stage;
    bool failing;   /* nothing more is to start, and what runs is cancelled */
    bool given_up;  /* that was done */
    bool by_handle; /* sr_batch_submit()'s caller has the handle */
    bool due;       /* on the ring's list of those that have something to do */
    struct sr_batch *due_next;
    struct sr_ring *ring;
    uint64_t id;
};

static inline uint8_t sri_batch_state(const struct sr_batch *batch, uint32_t index)
{
    return batch->graph.nodes[index].state;
}

/* The batch has ended. */
static inline bool sri_batch_is_over(const struct sr_batch *batch)
{
    return sri_graph_is_over(&batch->graph);
}

/* batch.c: without its members' buffers, which are gone. */
void sri_batch_free(struct sr_batch *batch);

/* batch_run.c */
void sri_batch_set_due(struct sr_ring *ring, struct sr_batch *batch);
/* What has not started never will, what runs is asked to end. Members queued are taken back. */
void sri_batch_give_up(struct sr_ring *ring, struct sr_batch *batch);
/* Lets go of it: started members become orphans, the rest goes home. The batch stays, to be freed. */
void sri_batch_abandon(struct sr_ring *ring, struct sr_batch *batch);

/* batch_table.c: room for one more, or -ENOMEM; it comes in, with its id. */
int sri_batch_make_place(struct sri_batches *batches);
void sri_batch_take_place(struct sr_ring *ring, struct sr_batch *batch);
/* The live batch of an id, or NULL; and its end: the id is stale. */
struct sr_batch *sri_batch_find(const struct sr_ring *ring, uint64_t id);
void sri_batch_gone(struct sr_ring *ring, struct sr_batch *batch);

/* batch_result.c: what nobody took of an entry goes home, or is closed. */
void sri_batch_send_home(struct sri_batch_member *member);
void sri_batch_dispose(struct sr_ring *ring, struct sr_batch *batch);

#endif
