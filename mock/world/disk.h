/*
 * What files hold: bytes in pages, with holes, and a limit on all pages together. Knows neither names nor descriptors.
 */
#ifndef SRI_WORLD_DISK_H
#define SRI_WORLD_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "world/cursor.h"
#include "world/stock.h"

#define SRI_PAGE_SIZE 4096u

/* The largest size of a file; positions and sizes are signed 64 bit numbers in the manuals. */
#define SRI_FILE_SIZE_MAX ((uint64_t)INT64_MAX)

struct sri_disk {
    struct sri_stock pages;
    uint64_t used_pages; /* of data; the trees that find them don't count */
    uint64_t limit_pages;
};

/* The bytes of one file. Zeroed is the empty file. */
struct sri_content {
    uint64_t size;
    void *root; /* a page of 512 pointers, or the only page when height is 0 */
    uint32_t height;
};

void sri_disk_init(struct sri_disk *disk);
void sri_disk_reset(struct sri_disk *disk, uint64_t limit_bytes);
void sri_disk_fini(struct sri_disk *disk);

/* Bytes moved from the file at `offset`, 0 at and beyond its end, -EFAULT. */
int64_t sri_content_read(const struct sri_content *content, uint64_t offset, struct sri_cursor *cursor);

/*
 * Bytes moved to the file, which grows; fewer when the disk gets full on the way. -ENOSPC, -EFBIG, -ENOMEM, -EFAULT:
 * nothing was moved.
 */
int64_t sri_content_write(struct sri_disk *disk, struct sri_content *content, uint64_t offset,
                          struct sri_cursor *cursor);

/* Cuts the file to nothing and gives its pages back. */
void sri_content_clear(struct sri_disk *disk, struct sri_content *content);

#endif
