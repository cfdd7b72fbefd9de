/*
 * Makes a tape smaller and kinder as long as it still shows what it was kept for. Knows nothing of what that is.
 */
#ifndef SRI_EXPLORE_SHRINK_H
#define SRI_EXPLORE_SHRINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sri_shrink {
    /* Runs a tape: does it still show it? */
    bool (*shows)(void *self, const uint8_t *bytes, size_t size);
    void *self;
    uint32_t attempts;     /* runs at most */
    uint32_t made;         /* runs made, counted here */
    bool (*stopped)(void); /* asked before each; NULL: never */
};

/*
 * `bytes` is shortened in place; returns its new size. What remains shows it, unless the given tape never did. Past the end
 * of a tape every choice is 0, so that cutting and zeroing both make a run kinder.
 */
size_t sri_shrink(struct sri_shrink *shrink, uint8_t *bytes, size_t size);

#endif
