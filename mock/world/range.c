/*
 * Ranges of a file: cutting, punching holes, making room. A page that holds nothing any more stays in its tree until the
 * file ends; it costs no room on the disk.
 */
#include <errno.h>
#include <string.h>

#include "world/disk.h"

/* Zeros in a part of one page. A page without bytes is zeros already. */
static int wipe_part(struct sri_disk *disk, struct sri_content *content, uint64_t begin, uint64_t end)
{
    struct sri_page *page = sri_page_find(content, begin / SRI_PAGE_SIZE);
    if (page == NULL || page->now == NULL || page->now == sri_page_unwritten)
        return 0;
    int rc = sri_page_open(disk, content, page);
    if (rc == 0)
        memset(page->now + begin % SRI_PAGE_SIZE, 0, (size_t)(end - begin));
    return rc;
}

static void drop_pages(struct sri_disk *disk, struct sri_content *content, uint64_t first, uint64_t last)
{
    struct sri_page *page;
    for (uint64_t at = first; (page = sri_page_next(content, at, last)) != NULL; at = page->number + 1)
        sri_page_replace(disk, content, page, NULL);
}

int sri_content_punch(struct sri_disk *disk, struct sri_content *content, uint64_t offset, uint64_t length)
{
    uint64_t end = offset + length;
    uint64_t first = (offset + SRI_PAGE_SIZE - 1) / SRI_PAGE_SIZE;
    uint64_t beyond = end / SRI_PAGE_SIZE;
    if (first > beyond)
        return wipe_part(disk, content, offset, end);
    int rc = 0;
    if (offset % SRI_PAGE_SIZE != 0)
        rc = wipe_part(disk, content, offset, first * SRI_PAGE_SIZE);
    if (rc == 0 && end % SRI_PAGE_SIZE != 0)
        rc = wipe_part(disk, content, beyond * SRI_PAGE_SIZE, end);
    if (rc == 0 && first < beyond)
        drop_pages(disk, content, first, beyond - 1);
    return rc;
}

int sri_content_truncate(struct sri_disk *disk, struct sri_content *content, uint64_t size)
{
    if (size < content->size) {
        int rc = sri_content_punch(disk, content, size, UINT64_MAX - SRI_PAGE_SIZE - size);
        if (rc != 0)
            return rc;
    }
    content->size = size;
    return 0;
}

int sri_content_allocate(struct sri_disk *disk, struct sri_content *content, uint64_t offset, uint64_t length)
{
    uint64_t last = (offset + length - 1) / SRI_PAGE_SIZE;
    for (uint64_t number = offset / SRI_PAGE_SIZE; number <= last; number++) {
        struct sri_page *page;
        int rc = sri_page_obtain(disk, content, number, &page);
        if (rc != 0)
            return rc;
        if (page->now != NULL)
            continue;
        if (disk->used_pages >= disk->limit_pages)
            return -ENOSPC;
        sri_page_replace(disk, content, page, sri_page_unwritten);
    }
    return 0;
}
