/*
 * An intrusive doubly linked list with a head node; empty when the head points to itself.
 */
#ifndef SRI_BASE_LIST_H
#define SRI_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct sri_node {
    struct sri_node *next;
    struct sri_node *previous;
};

/* The structure that holds `node` as its member. */
#define SRI_CONTAINER_OF(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void sri_list_init(struct sri_node *head)
{
    head->next = head;
    head->previous = head;
}

static inline bool sri_list_empty(const struct sri_node *head)
{
    return head->next == head;
}

static inline void sri_list_append(struct sri_node *head, struct sri_node *node)
{
    node->next = head;
    node->previous = head->previous;
    head->previous->next = node;
    head->previous = node;
}

/* Takes the node out and leaves it linked to itself, so that a second removal does nothing. */
static inline void sri_list_remove(struct sri_node *node)
{
    node->next->previous = node->previous;
    node->previous->next = node->next;
    node->next = node;
    node->previous = node;
}

#endif
