/*
 * The tape: a list of bounded choices, the only source of decisions in a run. Knows nothing of what is decided.
 *
 * Every byte string is a body. A choice among n <= 256 takes one byte, among more as many as n - 1 needs, little
 * endian, each time modulo n; a choice among one takes none. Past the end of a body every choice is 0.
 */
#ifndef SRI_FATE_TAPE_H
#define SRI_FATE_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A zeroed structure is an empty tape: every choice is 0. */
struct sri_tape {
    uint8_t *bytes; /* the given body, or the one being recorded */
    size_t size;
    size_t capacity;
    size_t position;
    uint64_t state[4]; /* of the generator, when recording */
    bool recording;
};

/* Starts over with a generator that records what it draws. Keeps the tape's memory. */
void sri_tape_init_seed(struct sri_tape *tape, uint64_t seed);

/*
 * Starts over with a copy of a fixed body. Allocates only when the body is longer than any before. -ENOMEM: the tape is
 * empty. `bytes` may be NULL when `size` is 0.
 */
int sri_tape_init_body(struct sri_tape *tape, const uint8_t *bytes, size_t size);

/* Gives the memory back; the tape is empty afterwards. */
void sri_tape_fini(struct sri_tape *tape);

/* In [0, n), n at least 1; drawn evenly from a seed. */
uint32_t sri_tape_choose(struct sri_tape *tape, uint32_t n);

/* A choice that is made already, put on the tape so that reading it back makes it again. Recording tapes only. */
void sri_tape_put(struct sri_tape *tape, uint32_t n, uint32_t choice);

/* The newest choice, among n, was made otherwise after all. Recording tapes only. Returns what the tape has then. */
uint32_t sri_tape_amend(struct sri_tape *tape, uint32_t n, uint32_t choice);

/*
 * In [0, n). From a seed: not 0 in `unkind_per_1024` of 1024 cases, then evenly one of 1 .. n-1; 1024 and above never
 * give 0. From a body: the bytes say, whatever the weight.
 */
uint32_t sri_tape_weighed(struct sri_tape *tape, uint32_t n, uint32_t unkind_per_1024);

/*
 * The body that makes the same choices again: what was recorded, or the given bytes that were read so far. Valid until
 * the next call on the tape. When recording ran out of memory, every choice from there on was 0, so that this holds.
 */
void sri_tape_body(const struct sri_tape *tape, const uint8_t **bytes, size_t *size);

/* Bytes that choices have taken so far, also those past the end. */
size_t sri_tape_position(const struct sri_tape *tape);

#endif
