/*
 * What depends on what in a batch, and how far it has come: which operations may start, and what a failure spreads to. Pure:
 * knows neither ring nor kernel.
 */
#ifndef SRI_RING_BATCH_GRAPH_H
#define SRI_RING_BATCH_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine/member.h"

#define SRI_NO_NODE UINT32_MAX

struct sri_graph_node {
    uint32_t waits_for;  /* dependencies that have not ended well */
    uint32_t first_edge; /* to those that depend on it */
    uint32_t last_edge;
    uint32_t next; /* on the list of ready ones, or of a search */
    uint32_t seen; /* by the search of this number */
    uint8_t state; /* enum sri_member */
};

struct sri_graph_edge {
    uint32_t dependent;
    uint32_t next;
};

struct sri_graph {
    struct sri_graph_node *nodes;
    struct sri_graph_edge *edges;
    uint32_t count;
    uint32_t room;
    uint32_t edge_count;
    uint32_t edge_room;
    uint32_t searches;
    uint32_t
        ready_head; /* in the order in which they became ready; those of the beginning in order of adding */
    uint32_t ready_tail;
    uint32_t over;
};

void sri_graph_init(struct sri_graph *graph);
void sri_graph_fini(struct sri_graph *graph);

/* One more operation, which depends on nothing: 0 and its index, or -ENOMEM. */
int sri_graph_add(struct sri_graph *graph, uint32_t *index);

/* The last one added, of which nothing depends and which depends on nothing, is taken back. */
void sri_graph_take_back(struct sri_graph *graph);

/* -EINVAL: no such index. SR_ECYCLE: the dependency depends on the dependent, or is the same. -ENOMEM. Nothing changes then
   (BATCH-1). A dependency that stands already is fine. */
int sri_graph_depend(struct sri_graph *graph, uint32_t dependent, uint32_t dependency);

/* Nothing is added any more: what depends on nothing is ready. */
void sri_graph_begin(struct sri_graph *graph);

/* The next that may start, or SRI_NO_NODE. */
uint32_t sri_graph_first_ready(const struct sri_graph *graph);
/* It is started. */
void sri_graph_start(struct sri_graph *graph);

/* One that waits for this node and for nothing else, or SRI_NO_NODE. */
uint32_t sri_graph_follower(const struct sri_graph *graph, uint32_t node);
/* It is started behind what it waits for, which the kernel lets end first; and taken back. */
void sri_graph_link(struct sri_graph *graph, uint32_t node);
void sri_graph_unlink(struct sri_graph *graph, uint32_t node);

/*
 * A started node, or the first ready one that could not be started, has ended. SUCCEED makes ready what waited for it
 * alone; FAIL and CANCEL cancel all that waits for it, at any distance (BATCH-3).
 */
void sri_graph_end(struct sri_graph *graph, uint32_t node, enum sri_member_event how);

/* What has not started never will. */
void sri_graph_give_up(struct sri_graph *graph);

static inline bool sri_graph_is_over(const struct sri_graph *graph)
{
    return graph->over == graph->count;
}

#endif
