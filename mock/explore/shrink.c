/*
 * Cut, zero, lower: from large pieces to single bytes, again until nothing more can be taken away. Then, when little is
 * left, two places at once: a choice that is gone moves what is read after it, and that only shows when it is moved back.
 * Where much is left, a few edits anywhere are tried together: a run is nearly free.
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
#define FEWER 300u
#define LONGER 64u

static void cut_anywhere(struct work *work)
{
    size_t longest = work->size <= FEWER ? LONGER : SHORT;
    for (size_t piece = longest; piece > 0 && work->size <= FEW; piece--) {
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
#define MOST 12u /* bytes that a choice moves others by */
#define FAR 96u  /* how far behind it */

static size_t last_place(const struct work *work, size_t at)
{
    return work->size < at + FAR ? work->size : at + FAR;
}

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

/* All from here to another choice, zeroed or cut: what one step chose, or several, whatever stands between. */
static bool without_run(struct work *work, size_t at)
{
    for (size_t end = next_choice(work, at + 1); end <= work->size; end = next_choice(work, end + 1)) {
        copy(work);
        cut(work, at, end - at);
        if (try(work))
            return true;
        copy(work);
        memset(work->trial + at, 0, end - at);
        if (try(work))
            return true;
        if (end == work->size)
            break;
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
    for (size_t place = at + 1; place < last_place(work, at); place++) {
        for (size_t count = 1; count <= MOST; count++) {
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
    for (size_t place = at; place < last_place(work, at); place++) {
        for (size_t count = 1; count <= MOST && at + count <= work->size; count++) {
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
    static pass *const passes[] = {without_run, zero_two, zero_and_change, cut_and_move_back, zero_and_move};
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

/* ---- Several places at once, drawn: always the same ones ---- */

#define MANY_CHOICES 12u

static uint32_t draw(uint32_t *state, uint32_t n)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % n;
}

#define EDITED_TRIALS 100000u
#define EDITS 4u
#define EDIT_BYTES 24u

static void edit(struct work *work, uint32_t *state)
{
    size_t at = draw(state, (uint32_t)work->trial_size);
    size_t count = 1 + draw(state, EDIT_BYTES);
    if (count > work->trial_size - at)
        count = work->trial_size - at;
    switch (draw(state, 4)) {
    case 0: cut(work, at, count); break;
    case 1: memset(work->trial + at, 0, count); break;
    case 2: insert(work, at, 1 + draw(state, 4)); break;
    default: work->trial[at] = (uint8_t)draw(state, 256); break;
    }
}

static void edit_anywhere(struct work *work)
{
    uint32_t state = 1;
    for (uint32_t i = 0; i < EDITED_TRIALS && count_choices(work->best, work->size) > MANY_CHOICES; i++) {
        copy(work);
        for (uint32_t edits = 2 + draw(&state, EDITS); edits > 0 && work->trial_size > 0; edits--)
            edit(work, &state);
        try(work);
    }
}

size_t sri_shrink(struct sri_shrink *shrink, uint8_t *bytes, size_t size)
{
    struct work work = {.shrink = shrink, .best = bytes, .size = size, .room = size};
    if (size == 0 || (work.trial = sri_alloc(size)) == NULL)
        return size;
    single(&work);
    edit_anywhere(&work);
    do {
        single(&work);
        twice(&work);
    } while (work.progress && shrink->made < shrink->attempts);
    sri_free(work.trial);
    return work.size;
}
