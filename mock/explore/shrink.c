/*
 * Cut, zero, lower: from large pieces to single bytes, again until nothing more can be taken away.
 */
#include "explore/shrink.h"

#include <string.h>

#include "base/alloc.h"

struct work {
    struct sri_shrink *shrink;
    uint8_t *best;
    uint8_t *trial;
    size_t size;
    bool progress;
};

static bool try(struct work *work, size_t size)
{
    struct sri_shrink *shrink = work->shrink;
    if (shrink->made >= shrink->attempts)
        return false;
    shrink->made++;
    if (!shrink->shows(shrink->self, work->trial, size))
        return false;
    memcpy(work->best, work->trial, size);
    work->size = size;
    work->progress = true;
    return true;
}

static void cut_pieces(struct work *work, size_t piece)
{
    for (size_t at = 0; at + piece <= work->size;) {
        size_t rest = work->size - at - piece;
        memcpy(work->trial, work->best, at);
        memcpy(work->trial + at, work->best + at + piece, rest);
        if (!try(work, at + rest))
            at += piece;
    }
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

static void zero_pieces(struct work *work, size_t piece)
{
    for (size_t at = 0; at + piece <= work->size; at += piece) {
        if (is_zero(work->best + at, piece))
            continue;
        memcpy(work->trial, work->best, work->size);
        memset(work->trial + at, 0, piece);
        try(work, work->size);
    }
}

/* Steps of a program are of any length and begin anywhere: short pieces are tried at every place, once there are few. */
#define FEW 600u
#define SHORT 12u

static void cut_anywhere(struct work *work)
{
    for (size_t piece = SHORT; piece > 0 && work->size <= FEW; piece--) {
        for (size_t at = 0; at + piece <= work->size;) {
            memcpy(work->trial, work->best, at);
            memcpy(work->trial + at, work->best + at + piece, work->size - at - piece);
            if (!try(work, work->size - piece))
                at++;
        }
    }
}

/* Zeros at the end are what comes after it anyway. */
static size_t trimmed(const uint8_t *bytes, size_t size)
{
    while (size > 0 && bytes[size - 1] == 0)
        size--;
    return size;
}

static void lower_bytes(struct work *work)
{
    for (size_t at = 0; at < work->size; at++) {
        for (uint8_t by = 128; by > 0; by /= 2) {
            if (work->best[at] < by)
                continue;
            memcpy(work->trial, work->best, work->size);
            work->trial[at] = (uint8_t)(work->best[at] - by);
            try(work, work->size);
        }
    }
}

size_t sri_shrink(struct sri_shrink *shrink, uint8_t *bytes, size_t size)
{
    struct work work = {.shrink = shrink, .best = bytes, .size = size};
    if (size == 0 || (work.trial = sri_alloc(size)) == NULL)
        return size;
    do {
        work.progress = false;
        for (size_t piece = work.size; piece > 0; piece /= 2) {
            cut_pieces(&work, piece);
            zero_pieces(&work, piece);
        }
        cut_anywhere(&work);
        lower_bytes(&work);
        work.size = trimmed(work.best, work.size);
    } while (work.progress && shrink->made < shrink->attempts);
    sri_free(work.trial);
    return work.size;
}
