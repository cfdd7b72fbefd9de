/*
 * The graph of a batch: refuses cycles (BATCH-1), says what may start (BATCH-2), spreads failure (BATCH-3). Allocates only
 * while the batch is built.
 */
#include "ring/batch_graph.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "safer_ring/error.h"

#define NO_EDGE UINT32_MAX
#define FIRST_ROOM 8u
#define ROOM_MAX (UINT32_MAX / 2)

void sri_graph_init(struct sri_graph *graph)
{
    memset(graph, 0, sizeof *graph);
    graph->ready_head = graph->ready_tail = SRI_NO_NODE;
}

void sri_graph_fini(struct sri_graph *graph)
{
    sri_free(graph->nodes);
    sri_free(graph->edges);
    sri_graph_init(graph);
}

/* One more of `size` bytes each: the array, perhaps another one, or NULL and nothing has changed. */
static void *grown(void *array, uint32_t count, uint32_t *room, size_t size)
{
    if (count < *room)
        return array;
    uint32_t wanted = *room == 0 ? FIRST_ROOM : 2 * *room;
    void *larger = *room <= ROOM_MAX ? sri_realloc(array, wanted * size) : NULL;
    if (larger != NULL)
        *room = wanted;
    return larger;
}

int sri_graph_add(struct sri_graph *graph, uint32_t *index)
{
    struct sri_graph_node *nodes = grown(graph->nodes, graph->count, &graph->room, sizeof *nodes);
    if (nodes == NULL)
        return -ENOMEM;
    graph->nodes = nodes;
    nodes[graph->count] = (struct sri_graph_node){.first_edge = NO_EDGE,
                                                  .last_edge = NO_EDGE,
                                                  .next = SRI_NO_NODE,
                                                  .state = SRI_MEMBER_WAITING};
    *index = graph->count++;
    return 0;
}

void sri_graph_take_back(struct sri_graph *graph)
{
    graph->count--;
}

static uint32_t first_edge(const struct sri_graph *graph, uint32_t node)
{
    return graph->nodes[node].first_edge;
}

/* Puts a node on the list of a search, once. */
static void see(struct sri_graph *graph, uint32_t node, uint32_t *list)
{
    if (graph->nodes[node].seen == graph->searches)
        return;
    graph->nodes[node].seen = graph->searches;
    graph->nodes[node].next = *list;
    *list = node;
}

/* Does `to` depend on `from`, at any distance? Batches are mostly built from front to back: the search is short then. */
static bool leads_to(struct sri_graph *graph, uint32_t from, uint32_t to)
{
    uint32_t list = SRI_NO_NODE;
    graph->searches++;
    see(graph, from, &list);
    while (list != SRI_NO_NODE) {
        uint32_t node = list;
        list = graph->nodes[node].next;
        if (node == to)
            return true;
        for (uint32_t edge = first_edge(graph, node); edge != NO_EDGE; edge = graph->edges[edge].next)
            see(graph, graph->edges[edge].dependent, &list);
    }
    return false;
}

static bool stands(const struct sri_graph *graph, uint32_t dependent, uint32_t dependency)
{
    uint32_t edge = first_edge(graph, dependency);
    while (edge != NO_EDGE && graph->edges[edge].dependent != dependent)
        edge = graph->edges[edge].next;
    return edge != NO_EDGE;
}

int sri_graph_depend(struct sri_graph *graph, uint32_t dependent, uint32_t dependency)
{
    if (dependent >= graph->count || dependency >= graph->count)
        return -EINVAL;
    if (leads_to(graph, dependent, dependency))
        return SR_ECYCLE;
    if (stands(graph, dependent, dependency))
        return 0;
    struct sri_graph_edge *edges = grown(graph->edges, graph->edge_count, &graph->edge_room, sizeof *edges);
    if (edges == NULL)
        return -ENOMEM;
    graph->edges = edges;
    uint32_t edge = graph->edge_count++;
    edges[edge] = (struct sri_graph_edge){dependent, NO_EDGE};
    struct sri_graph_node *from = &graph->nodes[dependency];
    if (from->last_edge == NO_EDGE)
        from->first_edge = edge;
    else
        edges[from->last_edge].next = edge;
    from->last_edge = edge;
    graph->nodes[dependent].waits_for++;
    return 0;
}

static void move(struct sri_graph *graph, uint32_t node, enum sri_member_event event)
{
    SRI_REQUIRE(sri_member_move(&graph->nodes[node].state, event) == 0);
    if (sri_member_is_over(graph->nodes[node].state))
        graph->over++;
}

static void make_ready(struct sri_graph *graph, uint32_t node)
{
    move(graph, node, SRI_MEMBER_FREE);
    graph->nodes[node].next = SRI_NO_NODE;
    if (graph->ready_tail == SRI_NO_NODE)
        graph->ready_head = node;
    else
        graph->nodes[graph->ready_tail].next = node;
    graph->ready_tail = node;
}

static void pop_ready(struct sri_graph *graph)
{
    graph->ready_head = graph->nodes[graph->ready_head].next;
    if (graph->ready_head == SRI_NO_NODE)
        graph->ready_tail = SRI_NO_NODE;
}

void sri_graph_begin(struct sri_graph *graph)
{
    for (uint32_t node = 0; node < graph->count; node++)
        if (graph->nodes[node].waits_for == 0)
            make_ready(graph, node);
}

uint32_t sri_graph_first_ready(const struct sri_graph *graph)
{
    return graph->ready_head;
}

void sri_graph_start(struct sri_graph *graph)
{
    uint32_t node = graph->ready_head;
    pop_ready(graph);
    move(graph, node, SRI_MEMBER_START);
}

uint32_t sri_graph_follower(const struct sri_graph *graph, uint32_t node)
{
    for (uint32_t edge = first_edge(graph, node); edge != NO_EDGE; edge = graph->edges[edge].next) {
        const struct sri_graph_node *dependent = &graph->nodes[graph->edges[edge].dependent];
        if (dependent->state == SRI_MEMBER_WAITING && dependent->waits_for == 1)
            return graph->edges[edge].dependent;
    }
    return SRI_NO_NODE;
}

void sri_graph_link(struct sri_graph *graph, uint32_t node)
{
    move(graph, node, SRI_MEMBER_LINK);
}

void sri_graph_unlink(struct sri_graph *graph, uint32_t node)
{
    move(graph, node, SRI_MEMBER_UNLINK);
}

/* One dependency less for each. One that is linked has been started already. */
static void release_dependents(struct sri_graph *graph, uint32_t node)
{
    for (uint32_t edge = first_edge(graph, node); edge != NO_EDGE; edge = graph->edges[edge].next) {
        uint32_t dependent = graph->edges[edge].dependent;
        graph->nodes[dependent].waits_for--;
        if (graph->nodes[dependent].waits_for == 0 && graph->nodes[dependent].state == SRI_MEMBER_WAITING)
            make_ready(graph, dependent);
    }
}

/* What waits for it never starts, nor what waits for that. One that is linked hears of it from the kernel. */
static void cancel_dependents(struct sri_graph *graph, uint32_t node)
{
    uint32_t list = SRI_NO_NODE;
    graph->searches++;
    see(graph, node, &list);
    while (list != SRI_NO_NODE) {
        node = list;
        list = graph->nodes[node].next;
        for (uint32_t edge = first_edge(graph, node); edge != NO_EDGE; edge = graph->edges[edge].next) {
            uint32_t dependent = graph->edges[edge].dependent;
            if (graph->nodes[dependent].state != SRI_MEMBER_WAITING)
                continue;
            move(graph, dependent, SRI_MEMBER_CANCEL);
            see(graph, dependent, &list);
        }
    }
}

void sri_graph_end(struct sri_graph *graph, uint32_t node, enum sri_member_event how)
{
    if (graph->nodes[node].state == SRI_MEMBER_READY) {
        SRI_REQUIRE(node == graph->ready_head);
        pop_ready(graph);
    }
    move(graph, node, how);
    if (how == SRI_MEMBER_SUCCEED)
        release_dependents(graph, node);
    else
        cancel_dependents(graph, node);
}

void sri_graph_give_up(struct sri_graph *graph)
{
    graph->ready_head = graph->ready_tail = SRI_NO_NODE;
    for (uint32_t node = 0; node < graph->count; node++)
        if (graph->nodes[node].state == SRI_MEMBER_WAITING || graph->nodes[node].state == SRI_MEMBER_READY)
            move(graph, node, SRI_MEMBER_CANCEL);
}
