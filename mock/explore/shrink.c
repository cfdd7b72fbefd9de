/*
 * Cut, zero, lower: from large pieces to single bytes, again until nothing more can be taken away. Then, when little is
 * left, two places at once: a choice that is gone moves what is read after it, and that only shows when it is moved back.
 */
#include "explore/shrink.h"

#include <string.h>

#include "base/alloc.h"

struct work {
    struct sri_shrink *shrink;
    uint8_t *best;
    size_t size;
    uint8_t *trial; /* an edited copy */
    size_t trial_size;
    size_t room; /* of both */
    bool progress;
};

/* ---- Editing the copy ---- */

static void copy(struct work *work)
{
    memcpy(work->trial, work->best, work->size);
    work->trial_size = work->size;
}

static void cut(struct work *work, size_t at, size_t count)
{
    memmove(work->trial + at, work->trial + at + count, work->trial_size - at - count);
    work->trial_size -= count;
}

/* Zeros before what stands at `at`. What does not fit falls off the end, where all is 0 but by chance. */
static void insert(struct work *work, size_t at, size_t count)
{
    if (count > work->room - at)
        count = work->room - at;
    if (work->trial_size + count > work->room)
        work->trial_size = work->room - count;
    if (at > work->trial_size)
        return;
    memmove(work->trial + at + count, work->trial + at, work->trial_size - at);
    memset(work->trial + at, 0, count);
    work->trial_size += count;
}

/* ---- Judging it ---- */

static size_t count_choices(const uint8_t *bytes, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += bytes[i] != 0 ? 1 : 0;
    return count;
}

/* Zeros at the end are what comes after it anyway. */
static size_t trimmed(const uint8_t *bytes, size_t size)
{
    while (size > 0 && bytes[size - 1] == 0)
        size--;
    return size;
}

/* Fewer choices that matter; of as many, the shorter tape; of as long, the lower one. So that there is an end. */
static bool is_simpler(const struct work *work)
{
    size_t before = count_choices(work->best, work->size);
    size_t after = count_choices(work->trial, work->trial_size);
    if (after != before)
        return after < before;
    if (work->trial_size != work->size)
        return work->trial_size < work->size;
    return memcmp(work->trial, work->best, work->size) < 0;
}

static bool try(struct work *work)
{
    struct sri_shrink *shrink = work->shrink;
    work->trial_size = trimmed(work->trial, work->trial_size);
    if (shrink->made >= shrink->attempts || (shrink->stopped != NULL && shrink->stopped()) ||
        !is_simpler(work))
        return false;
    shrink->made++;
    if (!shrink->shows(shrink->self, work->trial, work->trial_size))
        return false;
    memcpy(work->best, work->trial, work->trial_size);
    work->size = work->trial_size;
    work->progress = true;
    return true;
}

/* ---- One place at a time ---- */

static void cut_pieces(struct work *work, size_t piece)
{
    for (size_t at = 0; at + piece <= work->size;) {
        copy(work);
        cut(work, at, piece);
        if (!try(work))
            at += piece;
    }
}

static void zero_pieces(struct work *work, size_t piece)
{
    for (size_t at = 0; at + piece <= work->size; at += piece) {
        copy(work);
        memset(work->trial + at, 0, piece);
        try(work);
    }
}

/* Steps of a program are of any length and begin anywhere: short pieces are tried at every place, once there are few. */
#define FEW 600u
#define SHORT 12u

static void cut_anywhere(struct work *work)
{
    for (size_t piece = SHORT; piece > 0 && work->size <= FEW; piece--) {
        for (size_t at = 0; at + piece <= work->size;) {
            copy(work);
            cut(work, at, piece);
            if (!try(work))
                at++;
        }
    }
}

static void lower_bytes(struct work *work)
{
    for (size_t at = 0; at < work->size; at++) {
        for (uint8_t by = 128; by > 0 && at < work->size; by /= 2) {
            if (work->best[at] < by)
                continue;
            copy(work);
            work->trial[at] = (uint8_t)(work->best[at] - by);
            try(work);
        }
    }
}

static void single(struct work *work)
{
    do {
        work->progress = false;
        for (size_t piece = work->size; piece > 0; piece /= 2) {
            cut_pieces(work, piece);
            zero_pieces(work, piece);
        }
        cut_anywhere(work);
        lower_bytes(work);
    } while (work->progress && work->shrink->made < work->shrink->attempts);
}

/* ---- Two places at once: only what takes a choice away, and only of few ---- */

#define FEW_CHOICES 80u
#define FAR 24u /* bytes that a choice moves others by */

/* The next byte from `at` on that is not 0; the size: none. */
static size_t next_choice(const struct work *work, size_t at)
{
    while (at < work->size && work->best[at] == 0)
        at++;
    return at;
}

static bool zero_two(struct work *work, size_t at)
{
    for (size_t other = next_choice(work, at + 1); other < work->size; other = next_choice(work, other + 1)) {
        copy(work);
        work->trial[at] = 0;
        work->trial[other] = 0;
        if (try(work))
            return true;
    }
    return false;
}

/* Without it, another choice is to be another one. */
static bool zero_and_change(struct work *work, size_t at)
{
    for (size_t other = next_choice(work, 0); other < work->size; other = next_choice(work, other + 1)) {
        for (unsigned value = 1; value < 16 && other != at; value++) {
            copy(work);
            work->trial[at] = 0;
            work->trial[other] = (uint8_t)value;
            if (try(work))
                return true;
        }
    }
    return false;
}

/* Without it, more or fewer bytes are read before what follows. */
static bool zero_and_move(struct work *work, size_t at)
{
    for (size_t place = at + 1; place < work->size; place++) {
        for (size_t count = 1; count <= FAR; count++) {
            copy(work);
            work->trial[at] = 0;
            insert(work, place, count);
            if (try(work))
                return true;
            if (place + count > work->size)
                continue;
            copy(work);
            work->trial[at] = 0;
            cut(work, place, count);
            if (try(work))
                return true;
        }
    }
    return false;
}

/* A piece goes, and what follows later stays where it was. */
static bool cut_and_move_back(struct work *work, size_t at)
{
    for (size_t place = at; place < work->size; place++) {
        for (size_t count = 1; count <= FAR && at + count <= work->size; count++) {
            copy(work);
            cut(work, at, count);
            insert(work, place, count);
            if (try(work))
                return true;
        }
    }
    return false;
}

typedef bool pass(struct work *work, size_t at);

static void twice(struct work *work)
{
    static pass *const passes[] = {zero_two, zero_and_change, cut_and_move_back, zero_and_move};
    work->progress = false;
    for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++) {
        if (count_choices(work->best, work->size) > FEW_CHOICES)
            return;
        for (size_t at = next_choice(work, 0); at < work->size; at = next_choice(work, at)) {
            if (!passes[i](work, at))
                at++;
        }
        if (work->progress)
            return;
    }
}

size_t sri_shrink(struct sri_shrink *shrink, uint8_t *bytes, size_t size)
{
    struct work work = {.shrink = shrink, .best = bytes, .size = size, .room = size};
    if (size == 0 || (work.trial = sri_alloc(size)) == NULL)
        return size;
    do {
        single(&work);
        twice(&work);
    } while (work.progress && shrink->made < shrink->attempts);
    sri_free(work.trial);
    return work.size;
}
