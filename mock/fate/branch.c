/*
 * The tree of choices, walked in breadth: what a run chose behind its prefix were zeros, and each of them might have been
 * something else. So every way has one parent, and comes once. What waits to be run stands in blocks, which are given back
 * as they are used up.
 */
#include "fate/branch.h"

#include <string.h>

#include "base/alloc.h"

#define BLOCK_BYTES 65536u
#define BLOCKS_MAX 16384u /* a gibibyte */

/* Prefixes to run: two bytes of length, then the choices. */
struct sri_branch_block {
    struct sri_branch_block *next;
    uint32_t size;
    uint8_t bytes[BLOCK_BYTES];
};

static void free_blocks(struct sri_branch_block *block)
{
    while (block != NULL) {
        struct sri_branch_block *next = block->next;
        sri_free(block);
        block = next;
    }
}

static void forget(struct sri_branch *branch)
{
    free_blocks(branch->first);
    free_blocks(branch->spare);
    branch->first = NULL;
    branch->last = NULL;
    branch->spare = NULL;
    branch->blocks = 0;
}

void sri_branch_begin(struct sri_branch *branch)
{
    forget(branch);
    branch->head = 0;
    branch->prefix_length = 0;
    branch->position = 0;
    branch->runs = 0;
    branch->cut = false;
    branch->unsteady = false;
}

static struct sri_branch_block *new_block(struct sri_branch *branch)
{
    struct sri_branch_block *block = branch->spare;
    if (block != NULL) {
        branch->spare = NULL;
    } else {
        if (branch->blocks == BLOCKS_MAX || (block = sri_alloc(sizeof *block)) == NULL)
            return NULL;
        branch->blocks++;
    }
    block->next = NULL;
    block->size = 0;
    return block;
}

static uint8_t *make_room(struct sri_branch *branch, uint32_t size)
{
    struct sri_branch_block *block = branch->last;
    if (block == NULL || block->size + size > BLOCK_BYTES) {
        block = new_block(branch);
        if (block == NULL)
            return NULL;
        if (branch->last == NULL)
            branch->first = block;
        else
            branch->last->next = block;
        branch->last = block;
    }
    uint8_t *at = block->bytes + block->size;
    block->size += size;
    return at;
}

/* The run's choices up to `length`, the last of them `choice`. */
static void push(struct sri_branch *branch, uint32_t length, uint8_t choice)
{
    uint8_t *at = make_room(branch, length + 2u);
    if (at == NULL) {
        branch->cut = true;
        return;
    }
    at[0] = (uint8_t)(length & 0xff);
    at[1] = (uint8_t)(length >> 8);
    memcpy(at + 2, branch->prefix, branch->prefix_length);
    memset(at + 2 + branch->prefix_length, 0, length - branch->prefix_length);
    at[2 + length - 1] = choice;
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

/* The first block is used up: it is the next one that is wanted, or given back. */
static void pass_first(struct sri_branch *branch)
{
    struct sri_branch_block *block = branch->first;
    branch->first = block->next;
    block->next = NULL;
    branch->head = 0;
    if (branch->first == NULL)
        branch->last = NULL;
    if (branch->spare == NULL) {
        branch->spare = block;
        return;
    }
    sri_free(block);
    branch->blocks--;
}

static bool pop(struct sri_branch *branch)
{
    while (branch->first != NULL && branch->head == branch->first->size)
        pass_first(branch);
    if (branch->first == NULL)
        return false;
    const uint8_t *at = branch->first->bytes + branch->head;
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

void sri_branch_again(struct sri_branch *branch, const uint8_t *choices, uint32_t count)
{
    sri_branch_begin(branch);
    branch->prefix_length = count < SRI_BRANCH_DEPTH ? count : SRI_BRANCH_DEPTH;
    memcpy(branch->prefix, choices, branch->prefix_length);
}

void sri_branch_fini(struct sri_branch *branch)
{
    forget(branch);
    memset(branch, 0, sizeof *branch);
}
