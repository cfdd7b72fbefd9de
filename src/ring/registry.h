/*
 * The inside of a registry.
 */
#ifndef SRI_RING_REGISTRY_H
#define SRI_RING_REGISTRY_H

#include "ring/tables.h"
#include "safer_ring/registry.h"

/* Buffers in its slots name it by the address of their origin. */
struct sr_registry {
    struct sri_origin origin; /* of the buffers in its slots, while they stand there */
    struct sr_ring *ring;
    struct sr_hold hold;
    struct sri_registration registration;
    struct sri_node files;
    struct sri_node slots;
};

/* 0, or why it can't be used. */
static inline int sri_registry_check(const struct sr_registry *registry)
{
    return registry != NULL ? sri_ring_check(registry->ring) : -EINVAL;
}

static inline struct sri_place_entry *sri_place_at(struct sri_node *node)
{
    return SRI_CONTAINER_OF(node, struct sri_place_entry, node);
}

/* How many of a list's places are registered, and in use. */
void sri_registry_count(const struct sri_node *places, uint32_t *count, uint32_t *in_use);

/* registry_slots.c */
void sri_slots_init(struct sr_registry *registry);
/* Sends what stands in the slots to its origin; what is out will go there. */
void sri_slots_leave(struct sr_registry *registry, bool kernel);

#endif
