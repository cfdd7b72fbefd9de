/*
 * The tree of choices, walked in breadth: what a run chose behind its prefix were zeros, and each of them might have been
 * something else. So every way has one parent, and comes once.
 */
#include "fate/branch.h"

#include <string.h>

#include "base/alloc.h"

#define FIRST_CAPACITY 4096u
#define LARGEST_CAPACITY ((size_t)64 << 20)

void sri_branch_begin(struct sri_branch *branch)
{
    branch->head = 0;
    branch->tail = 0;
    branch->prefix_length = 0;
    branch->position = 0;
    branch->runs = 0;
    branch->cut = false;
    branch->unsteady = false;
}

static bool make_room(struct sri_branch *branch, size_t size)
{
    if (branch->tail + size <= branch->capacity)
        return true;
    size_t capacity = branch->capacity == 0 ? FIRST_CAPACITY : branch->capacity * 2;
    if (capacity < branch->tail + size || capacity > LARGEST_CAPACITY)
        return false;
    uint8_t *queue = sri_realloc(branch->queue, capacity);
    if (queue == NULL)
        return false;
    branch->queue = queue;
    branch->capacity = capacity;
    return true;
}

/* The run's choices up to `length`, the last of them `choice`. */
static void push(struct sri_branch *branch, uint32_t length, uint8_t choice)
{
    if (!make_room(branch, length + 2u)) {
        branch->cut = true;
        return;
    }
    uint8_t *at = branch->queue + branch->tail;
    at[0] = (uint8_t)(length & 0xff);
    at[1] = (uint8_t)(length >> 8);
    memset(at + 2, 0, length);
    memcpy(at + 2, branch->prefix, branch->prefix_length);
    at[2 + length - 1] = choice;
    branch->tail += length + 2u;
}

static void push_children(struct sri_branch *branch)
{
    uint32_t end = branch->position < SRI_BRANCH_DEPTH ? branch->position : SRI_BRANCH_DEPTH;
    if (branch->position < branch->prefix_length)
        branch->unsteady = true;
    for (uint32_t i = branch->prefix_length; i < end; i++) {
        for (uint32_t choice = 1; choice <= branch->width[i]; choice++)
            push(branch, i + 1, (uint8_t)choice);
    }
}

static bool pop(struct sri_branch *branch)
{
    if (branch->head == branch->tail)
        return false;
    const uint8_t *at = branch->queue + branch->head;
    branch->prefix_length = (uint32_t)at[0] | (uint32_t)at[1] << 8;
    memcpy(branch->prefix, at + 2, branch->prefix_length);
    branch->head += branch->prefix_length + 2u;
    return true;
}

bool sri_branch_next(struct sri_branch *branch)
{
    if (branch->runs > 0) {
        push_children(branch);
        if (!pop(branch))
            return false;
    }
    branch->runs++;
    branch->position = 0;
    return true;
}

uint32_t sri_branch_choose(struct sri_branch *branch, uint32_t n)
{
    if (n <= 1)
        return 0;
    uint32_t at = branch->position++;
    if (at >= SRI_BRANCH_DEPTH || n > 256) {
        branch->cut = true;
        return 0;
    }
    branch->width[at] = (uint8_t)(n - 1);
    if (at >= branch->prefix_length)
        return 0;
    if (branch->prefix[at] >= n) {
        branch->unsteady = true;
        return 0;
    }
    return branch->prefix[at];
}

void sri_branch_fini(struct sri_branch *branch)
{
    sri_free(branch->queue);
    memset(branch, 0, sizeof *branch);
}
