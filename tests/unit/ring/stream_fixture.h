/*
 * A ring of the library on each of the three kernels in turn, with that kernel's objects around it.
 *
 * Streams stand in structures here, which the ownership analysis does not follow.
 */
#ifndef TESTS_UNIT_RING_STREAM_FIXTURE_H
#define TESTS_UNIT_RING_STREAM_FIXTURE_H

#ifndef SR_NO_OWNERSHIP_ANALYSIS
#define SR_NO_OWNERSHIP_ANALYSIS
#endif
#include <string.h>

#include "safer_ring/ring.h"
#include "safer_ring/stats.h"
#include "safer_ring/stream.h"
#include "support/conform.h"
#include "support/main.h"

struct place {
    const struct conform_column *column;
    const struct conform_objects *objects;
    void *self;
    struct sr_backend backend;
    struct sr_ring *ring;
};

static inline void place_open_ring(struct place *place, uint32_t entries)
{
    struct sr_config config = sr_config_default();
    config.backend = &place->backend;
    config.entries = entries;
    assert_int_equal(sr_ring_open_config(&place->ring, &config), 0);
}

/* The body once on each kernel that can be had here; the ring must be quiet at its end. */
static inline void on_each_kernel(void (*body)(struct place *place))
{
    static const struct conform_column *const columns[] = {&conform_sim, &conform_engine, &conform_uring};
    for (size_t i = 0; i < 3; i++) {
        struct place place = {.column = columns[i]};
        if (columns[i]->open(&place.backend, &place.objects, &place.self) != 0) {
            print_message("%s can't be had here\n", columns[i]->name);
            continue;
        }
        place_open_ring(&place, 8);
        body(&place);
        assert_int_equal(sr_ring_in_flight(place.ring), 0);
        assert_int_equal(sr_ring_close(&place.ring), 0);
        columns[i]->close(&place.backend, place.self);
    }
}

/* Bytes that tell their place. */
static inline void pattern(uint8_t *bytes, size_t at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)((at + i) * 131 >> 3 ^ (at + i) * 7);
}

/* How a test makes poll-style calls go on: 0 after a dispatch. */
static inline int go_on(struct sr_ring *ring)
{
    return sr_ring_dispatch(ring, NULL);
}

#endif
