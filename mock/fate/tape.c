/*
 * The tape's choices: from a body's bytes, or from a generator whose draws are recorded. Integer arithmetic only, and
 * no other source of chance.
 */
#include "fate/tape.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"

#define FIRST_CAPACITY 4096u

static uint64_t mix(uint64_t *counter)
{
    uint64_t z = *counter += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t x, unsigned by)
{
    return (x << by) | (x >> (64 - by));
}

/* xoshiro256**, as its authors' public description gives it. */
static uint64_t draw(struct sri_tape *tape)
{
    uint64_t *s = tape->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

/* Evenly in [0, n), up to a bias of n in 2^32. */
static uint32_t draw_below(struct sri_tape *tape, uint32_t n)
{
    return (uint32_t)(((draw(tape) >> 32) * n) >> 32);
}

static unsigned width_of(uint32_t n)
{
    uint32_t largest = n - 1;
    if (largest <= 0xff)
        return 1;
    if (largest <= 0xffff)
        return 2;
    return largest <= 0xffffff ? 3 : 4;
}

static bool make_room(struct sri_tape *tape, size_t size)
{
    if (size <= tape->capacity)
        return true;
    size_t capacity = tape->capacity == 0 ? FIRST_CAPACITY : tape->capacity;
    while (capacity < size)
        capacity *= 2;
    uint8_t *bytes = sri_realloc(tape->bytes, capacity);
    if (bytes == NULL)
        return false;
    tape->bytes = bytes;
    tape->capacity = capacity;
    return true;
}

void sri_tape_init_seed(struct sri_tape *tape, uint64_t seed)
{
    for (unsigned i = 0; i < 4; i++)
        tape->state[i] = mix(&seed);
    tape->size = 0;
    tape->position = 0;
    tape->recording = true;
}

int sri_tape_init_body(struct sri_tape *tape, const uint8_t *bytes, size_t size)
{
    tape->size = 0;
    tape->position = 0;
    tape->recording = false;
    if (!make_room(tape, size))
        return -ENOMEM;
    if (size > 0)
        memcpy(tape->bytes, bytes, size);
    tape->size = size;
    return 0;
}

void sri_tape_fini(struct sri_tape *tape)
{
    sri_free(tape->bytes);
    memset(tape, 0, sizeof *tape);
}

static uint32_t read_choice(struct sri_tape *tape, uint32_t n)
{
    unsigned width = width_of(n);
    uint32_t value = 0;
    for (unsigned i = 0; i < width; i++) {
        size_t at = tape->position + i;
        if (at < tape->size)
            value |= (uint32_t)tape->bytes[at] << (8 * i);
    }
    tape->position += width;
    return value % n;
}

/* Keeps the choice, so that reading it back gives the same; 0 from the first one on that finds no memory. */
static uint32_t record(struct sri_tape *tape, uint32_t n, uint32_t choice)
{
    unsigned width = width_of(n);
    if (tape->position != tape->size || !make_room(tape, tape->size + width)) {
        tape->position += width;
        return 0;
    }
    for (unsigned i = 0; i < width; i++)
        tape->bytes[tape->size + i] = (uint8_t)(choice >> (8 * i));
    tape->size += width;
    tape->position = tape->size;
    return choice;
}

uint32_t sri_tape_choose(struct sri_tape *tape, uint32_t n)
{
    if (n <= 1)
        return 0;
    if (!tape->recording)
        return read_choice(tape, n);
    uint32_t choice = draw_below(tape, n);
    return record(tape, n, choice);
}

void sri_tape_put(struct sri_tape *tape, uint32_t n, uint32_t choice)
{
    record(tape, n, choice);
}

uint32_t sri_tape_amend(struct sri_tape *tape, uint32_t n, uint32_t choice)
{
    unsigned width = width_of(n);
    if (tape->position != tape->size || tape->size < width)
        return 0; /* recording ended: from there on every choice is 0 */
    tape->size -= width;
    tape->position -= width;
    return record(tape, n, choice);
}

uint32_t sri_tape_weighed(struct sri_tape *tape, uint32_t n, uint32_t unkind_per_1024)
{
    if (n <= 1)
        return 0;
    if (!tape->recording)
        return read_choice(tape, n);
    uint32_t choice = 0;
    uint64_t drawn = draw(tape);
    if ((drawn & 1023) < unkind_per_1024)
        choice = 1 + (uint32_t)(((drawn >> 32) * (n - 1)) >> 32);
    return record(tape, n, choice);
}

void sri_tape_body(const struct sri_tape *tape, const uint8_t **bytes, size_t *size)
{
    *bytes = tape->bytes;
    *size = tape->position < tape->size ? tape->position : tape->size;
}

size_t sri_tape_position(const struct sri_tape *tape)
{
    return tape->position;
}
