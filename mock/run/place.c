/*
 * Where the program called from, cheaply: a stack is unwound once, and known again by the return addresses that stand
 * where they stood.
 */
#include <execinfo.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "engine/unseen.h"
#include "run/detect.h"

#define PLACES 1024u
#define OWN_FRAMES 8

struct known {
    const void *frame;
    const void *site;
    const uintptr_t *slots[SRI_DETECT_FRAMES];
    struct sri_place_of_call place;
};

static struct known known[PLACES];

struct bounds {
    uintptr_t lowest;
    uintptr_t highest;
};
static SRI_DETECT_OF_THREAD struct bounds bounds;

void sri_place_stack(uintptr_t *lowest, uintptr_t *highest)
{
    if (bounds.highest == 0) {
        pthread_attr_t attributes;
        void *address = NULL;
        size_t size = 0;
        if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
            pthread_attr_getstack(&attributes, &address, &size);
            pthread_attr_destroy(&attributes);
        }
        bounds.lowest = (uintptr_t)address;
        bounds.highest = (uintptr_t)address + size;
    }
    *lowest = bounds.lowest;
    *highest = bounds.highest;
}

SRI_UNSEEN static bool is_still(const struct known *entry)
{
    for (uint32_t i = 0; i < entry->place.count; i++) {
        if (entry->slots[i] != NULL && *entry->slots[i] != (uintptr_t)entry->place.frames[i])
            return false;
    }
    return true;
}

/* Where on the stack each return address lies, from the caller's frame upward. */
SRI_UNSEEN static void find_slots(struct known *entry, const void *frame)
{
    uintptr_t lowest;
    uintptr_t highest;
    sri_place_stack(&lowest, &highest);
    const uintptr_t *at = frame;
    for (uint32_t i = 0; i < entry->place.count; i++) {
        const uintptr_t *look = at;
        entry->slots[i] = NULL;
        for (unsigned n = 0; n < 4096 && (uintptr_t)(look + 1) <= highest; n++, look++) {
            if (*look == (uintptr_t)entry->place.frames[i]) {
                entry->slots[i] = look;
                at = look + 1;
                break;
            }
        }
    }
}

/* From the program's own call on: what lies below is ours. */
static void unwind(struct known *entry, const void *frame, const void *site)
{
    void *all[SRI_DETECT_FRAMES + OWN_FRAMES];
    int count = backtrace(all, SRI_DETECT_FRAMES + OWN_FRAMES);
    int first = 0;
    while (first < count && all[first] != site)
        first++;
    entry->frame = frame;
    entry->site = site;
    entry->place.count = 0;
    for (int i = first; i < count && entry->place.count < SRI_DETECT_FRAMES; i++)
        entry->place.frames[entry->place.count++] = all[i];
    if (entry->place.count == 0)
        entry->place.frames[entry->place.count++] = site;
    find_slots(entry, frame);
}

const struct sri_place_of_call *sri_place_here(const void *frame, const void *site)
{
    uintptr_t hash = ((uintptr_t)site * 31 + (uintptr_t)frame) * UINT64_C(0x9e3779b97f4a7c15) >> 40;
    if (frame == NULL || site == NULL)
        return NULL;
    for (unsigned i = 0; i < 8; i++) {
        struct known *entry = &known[(hash + i) % PLACES];
        if (entry->site == NULL) {
            unwind(entry, frame, site);
            return &entry->place;
        }
        if (entry->site == site && entry->frame == frame && is_still(entry))
            return &entry->place;
    }
    return NULL;
}
