/*
 * The pages of a pipe: how its bytes are cut. Each holds at most 4096 bytes, and there are so many and no more (pipe(7));
 * a page that was read in part is not free yet. Knows nothing of the bytes themselves.
 */
#ifndef SRI_WORLD_PAGES_H
#define SRI_WORLD_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sri_pipe_page {
    uint16_t begin;  /* bytes read from its front, or where a file's page was entered */
    uint16_t length; /* bytes left */
    bool grows;      /* it was written, and what is written next may join it */
};

struct sri_pages {
    struct sri_pipe_page *at; /* a ring; kept when the pipe is used again */
    uint32_t capacity;        /* allocated */
    uint32_t limit;           /* pages the pipe has */
    uint32_t head;
    uint32_t used;
};

/* Makes them empty. -ENOMEM. */
int sri_pages_begin(struct sri_pages *pages, uint32_t limit);
void sri_pages_fini(struct sri_pages *pages);

static inline uint32_t sri_pages_free(const struct sri_pages *pages)
{
    return pages->limit - pages->used;
}

/* How many of `total` bytes a write puts in now: what joins the last page, and whole pages. */
size_t sri_pages_room(const struct sri_pages *pages, size_t total);

/* So many bytes were written by a write of `total`. */
void sri_pages_write(struct sri_pages *pages, size_t total, size_t count);

/* One page that is not a write's: another pipe's, or a file's. There must be one free. */
void sri_pages_add(struct sri_pages *pages, size_t begin, size_t length);

/* The length of the page behind `index` others; `index` is less than those used. */
size_t sri_pages_length(const struct sri_pages *pages, uint32_t index);

/* So many bytes were read. */
void sri_pages_read(struct sri_pages *pages, size_t count);

#endif
