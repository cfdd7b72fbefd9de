/*
 * What files hold: bytes in pages, with holes, and a limit on all pages together. Of every page there are two states, what
 * the program sees (the page cache) and what a loss of power would leave (the disk). Knows neither names nor descriptors.
 */
#ifndef SRI_WORLD_DISK_H
#define SRI_WORLD_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "world/cursor.h"
#include "world/stock.h"

#define SRI_PAGE_SIZE 4096u
#define SRI_SECTOR_SIZE 512u /* what a disk writes whole or not at all */

/* The largest size of a file; positions and sizes are signed 64 bit numbers in the manuals. */
#define SRI_FILE_SIZE_MAX ((uint64_t)INT64_MAX)

/* One decision about what is on the disk: in [0, n), 0 the kindest. */
enum sri_disk_question {
    SRI_DISK_WRITTEN_BACK, /* something is changed again: was it written back before? 0 no, 1 yes */
    SRI_DISK_REMAINS,      /* of a change not synced: 0 all, 1 nothing, 2 a part */
    SRI_DISK_SECTOR,       /* of a part: a sector is 0 new, 1 old */
};

struct sri_disk {
    struct sri_stock blocks; /* of SRI_PAGE_SIZE bytes */
    struct sri_stock pages;
    uint64_t used_pages; /* of data the program sees; the trees that find them don't count */
    uint64_t limit_pages;
    uint32_t (*ask)(void *self, enum sri_disk_question question, uint32_t n); /* NULL: always 0 */
    void *self;
};

/* The bytes of one file. */
struct sri_content {
    uint64_t size;
    uint64_t disk_size;
    uint64_t page_count;      /* that the program sees */
    struct sri_node dirty;    /* pages that differ on the disk, … */
    struct sri_node given_up; /* … and those of them that no sync will write unless they are changed again */
    void *root;               /* a block of 512 pointers, or the only page when height is 0 */
    uint32_t height;
};

void sri_disk_init(struct sri_disk *disk);
void sri_disk_reset(struct sri_disk *disk, uint64_t limit_bytes);
void sri_disk_fini(struct sri_disk *disk);
uint32_t sri_disk_ask(const struct sri_disk *disk, enum sri_disk_question question, uint32_t n);

void sri_content_init(struct sri_content *content);

/* Bytes moved from the file at `offset`, 0 at and beyond its end, -EFAULT. */
int64_t sri_content_read(const struct sri_content *content, uint64_t offset, struct sri_cursor *cursor);

/* The same to one range of the program's memory. */
int64_t sri_content_read_to(const struct sri_content *content, uint64_t offset, struct sri_user *user,
                            void *to, uint64_t length);

/*
 * Bytes moved to the file, which grows; fewer when the disk gets full on the way. -ENOSPC, -EFBIG, -ENOMEM, -EFAULT:
 * nothing was moved.
 */
int64_t sri_content_write(struct sri_disk *disk, struct sri_content *content, uint64_t offset,
                          struct sri_cursor *cursor);

/* ---- range.c ---- */

/* Sets the size; what lies beyond is gone. -ENOMEM: as it was. */
int sri_content_truncate(struct sri_disk *disk, struct sri_content *content, uint64_t size);

/* Makes a range a hole. -ENOMEM: some of it is one. */
int sri_content_punch(struct sri_disk *disk, struct sri_content *content, uint64_t offset, uint64_t length);

/* Makes sure of room for a range that reads as zeros where nothing was written. -ENOSPC or -ENOMEM: for some of it. */
int sri_content_allocate(struct sri_disk *disk, struct sri_content *content, uint64_t offset,
                         uint64_t length);

/* ---- durable.c ---- */

/* Bytes [begin, end) and the size are on the disk from now on. */
void sri_content_sync(struct sri_disk *disk, struct sri_content *content, uint64_t begin, uint64_t end);

/* A sync has failed: as by Linux, what it should have written counts as written, and is not. */
void sri_content_give_up(struct sri_content *content);

/* Power is lost: of what was not synced remains what the disk is asked for, and that is what the program sees. */
void sri_content_lose(struct sri_disk *disk, struct sri_content *content);

/* Gives everything back. `counted`: its pages count as used. */
void sri_content_fini(struct sri_disk *disk, struct sri_content *content, bool counted);

/* ---- pages, for the files above ---- */

struct sri_page {
    uint8_t *now;  /* what the program sees; NULL: a hole */
    uint8_t *disk; /* what is on the disk; the same block when nothing differs */
    struct sri_node dirty;
    uint64_t number;
    uint64_t sum; /* of what the program sees, by sri_user_sum() from seed 0, while `summed` */
    bool summed;
};

/* Of pages that were allocated and never written. */
extern uint8_t sri_page_unwritten[SRI_PAGE_SIZE];

struct sri_page *sri_page_find(const struct sri_content *content, uint64_t number);

/* The page, made when there is none. -ENOMEM. */
int sri_page_obtain(struct sri_disk *disk, struct sri_content *content, uint64_t number,
                    struct sri_page **found);

/* Bytes of its own to change, which a sync will write; zeros where it was a hole. -ENOSPC, -ENOMEM. */
int sri_page_open(struct sri_disk *disk, struct sri_content *content, struct sri_page *page);

/* Puts other bytes in place of those the program sees: NULL or unwritten. */
void sri_page_replace(struct sri_disk *disk, struct sri_content *content, struct sri_page *page,
                      uint8_t *now);

/* What the program sees is on the disk. */
void sri_page_sync(struct sri_disk *disk, struct sri_page *page);

/* A page with a number in [first, last], the lowest; NULL. */
struct sri_page *sri_page_next(const struct sri_content *content, uint64_t first, uint64_t last);

#endif
