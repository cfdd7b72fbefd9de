/*
 * As pipe(7) counts: measured with pipes of one and two pages (tests/conformance/test_splices.c).
 */
#include "world/pages.h"

#include <errno.h>

#include "base/alloc.h"
#include "world/disk.h"

int sri_pages_begin(struct sri_pages *pages, uint32_t limit)
{
    if (pages->capacity < limit) {
        struct sri_pipe_page *at = sri_alloc(limit * sizeof *at);
        if (at == NULL)
            return -ENOMEM;
        sri_free(pages->at);
        pages->at = at;
        pages->capacity = limit;
    }
    pages->limit = limit;
    pages->head = 0;
    pages->used = 0;
    return 0;
}

void sri_pages_fini(struct sri_pages *pages)
{
    sri_free(pages->at);
    pages->at = NULL;
    pages->capacity = 0;
}

static struct sri_pipe_page *page_at(const struct sri_pages *pages, uint32_t index)
{
    return &pages->at[(pages->head + index) % pages->limit];
}

/* What is not whole pages of a write goes first, to where it fits behind the last one. */
static size_t joining(const struct sri_pages *pages, size_t total)
{
    size_t rest = total % SRI_PAGE_SIZE;
    if (pages->used == 0 || rest == 0)
        return 0;
    const struct sri_pipe_page *last = page_at(pages, pages->used - 1);
    return last->grows && last->begin + last->length + rest <= SRI_PAGE_SIZE ? rest : 0;
}

size_t sri_pages_room(const struct sri_pages *pages, size_t total)
{
    size_t room = joining(pages, total) + (size_t)sri_pages_free(pages) * SRI_PAGE_SIZE;
    return total < room ? total : room;
}

static void add(struct sri_pages *pages, size_t begin, size_t length, bool grows)
{
    *page_at(pages, pages->used++) =
        (struct sri_pipe_page){.begin = (uint16_t)begin, .length = (uint16_t)length, .grows = grows};
}

void sri_pages_write(struct sri_pages *pages, size_t total, size_t count)
{
    size_t joined = joining(pages, total);
    if (joined > count)
        joined = count;
    if (joined > 0) {
        struct sri_pipe_page *last = page_at(pages, pages->used - 1);
        last->length = (uint16_t)(last->length + joined);
    }
    for (count -= joined; count > 0;) {
        size_t length = count < SRI_PAGE_SIZE ? count : SRI_PAGE_SIZE;
        add(pages, 0, length, true);
        count -= length;
    }
}

void sri_pages_add(struct sri_pages *pages, size_t begin, size_t length)
{
    add(pages, begin, length, false);
}

size_t sri_pages_length(const struct sri_pages *pages, uint32_t index)
{
    return page_at(pages, index)->length;
}

void sri_pages_read(struct sri_pages *pages, size_t count)
{
    while (count > 0) {
        struct sri_pipe_page *first = page_at(pages, 0);
        size_t part = count < first->length ? count : first->length;
        first->begin = (uint16_t)(first->begin + part);
        first->length = (uint16_t)(first->length - part);
        count -= part;
        if (first->length > 0)
            return;
        pages->head = (pages->head + 1) % pages->limit;
        pages->used--;
    }
}
