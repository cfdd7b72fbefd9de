/*
 * Files' bytes: a tree of pages for each file, 512 branches at each level, grown upwards. Pages that were never written
 * read as zeros and take no room.
 */
#include "world/disk.h"

#include <errno.h>
#include <string.h>

#define BRANCH_BITS 9
#define BRANCHES (1u << BRANCH_BITS)
#define PAGE_BITS 12

static const uint8_t zeros[SRI_PAGE_SIZE];

void sri_disk_init(struct sri_disk *disk)
{
    memset(disk, 0, sizeof *disk);
    sri_stock_init(&disk->pages, SRI_PAGE_SIZE, 16);
}

void sri_disk_reset(struct sri_disk *disk, uint64_t limit_bytes)
{
    sri_stock_reset(&disk->pages);
    disk->used_pages = 0;
    disk->limit_pages = limit_bytes / SRI_PAGE_SIZE;
}

void sri_disk_fini(struct sri_disk *disk)
{
    sri_stock_fini(&disk->pages, NULL);
}

/* How many pages a tree of this height reaches. */
static bool reaches(uint32_t height, uint64_t page)
{
    uint32_t bits = height * BRANCH_BITS;
    return bits >= 64 || page >> bits == 0;
}

static size_t branch(uint64_t page, uint32_t level)
{
    return (size_t)(page >> (level * BRANCH_BITS)) & (BRANCHES - 1);
}

static const uint8_t *find(const struct sri_content *content, uint64_t page)
{
    if (content->root == NULL || !reaches(content->height, page))
        return NULL;
    void *at = content->root;
    for (uint32_t level = content->height; level > 0 && at != NULL; level--)
        at = ((void **)at)[branch(page, level - 1)];
    return at;
}

static void *new_page(struct sri_disk *disk)
{
    void *page = sri_stock_take(&disk->pages);
    if (page != NULL)
        memset(page, 0, SRI_PAGE_SIZE);
    return page;
}

static int grow_up(struct sri_disk *disk, struct sri_content *content, uint64_t page)
{
    while (!reaches(content->height, page)) {
        if (content->root != NULL) {
            void **above = new_page(disk);
            if (above == NULL)
                return -ENOMEM;
            above[0] = content->root;
            content->root = above;
        }
        content->height++;
    }
    return 0;
}

/* The page to write to, made when there is none. */
static int obtain(struct sri_disk *disk, struct sri_content *content, uint64_t page, uint8_t **found)
{
    *found = (uint8_t *)(uintptr_t)find(content, page);
    if (*found != NULL)
        return 0;
    if (disk->used_pages >= disk->limit_pages)
        return -ENOSPC;
    int rc = grow_up(disk, content, page);
    if (rc != 0)
        return rc;
    void **at = &content->root;
    for (uint32_t level = content->height; level > 0; level--) {
        if (*at == NULL && (*at = new_page(disk)) == NULL)
            return -ENOMEM;
        at = &((void **)*at)[branch(page, level - 1)];
    }
    if ((*at = new_page(disk)) == NULL)
        return -ENOMEM;
    disk->used_pages++;
    *found = *at;
    return 0;
}

static size_t rest_of_page(uint64_t offset, uint64_t left)
{
    size_t rest = SRI_PAGE_SIZE - (size_t)(offset & (SRI_PAGE_SIZE - 1));
    return left < rest ? (size_t)left : rest;
}

int64_t sri_content_read(const struct sri_content *content, uint64_t offset, struct sri_cursor *cursor)
{
    uint64_t end = content->size;
    uint64_t done = 0;
    while (offset < end && cursor->left > 0) {
        size_t n = rest_of_page(offset, end - offset);
        const uint8_t *page = find(content, offset >> PAGE_BITS);
        const uint8_t *from = page == NULL ? zeros : page + (offset & (SRI_PAGE_SIZE - 1));
        size_t given = sri_cursor_give(cursor, from, n);
        done += given;
        offset += given;
        if (given < n)
            break;
    }
    return done == 0 && cursor->faulted ? -EFAULT : (int64_t)done;
}

int64_t sri_content_write(struct sri_disk *disk, struct sri_content *content, uint64_t offset,
                          struct sri_cursor *cursor)
{
    if (cursor->left > 0 && offset >= SRI_FILE_SIZE_MAX)
        return -EFBIG;
    uint64_t done = 0;
    int rc = 0;
    while (cursor->left > 0 && offset < SRI_FILE_SIZE_MAX) {
        uint64_t left = cursor->left;
        if (left > SRI_FILE_SIZE_MAX - offset)
            left = SRI_FILE_SIZE_MAX - offset;
        size_t n = rest_of_page(offset, left);
        uint8_t *page;
        if ((rc = obtain(disk, content, offset >> PAGE_BITS, &page)) != 0)
            break;
        size_t taken = sri_cursor_take(cursor, page + (offset & (SRI_PAGE_SIZE - 1)), n);
        done += taken;
        offset += taken;
        if (taken > 0 && offset > content->size)
            content->size = offset;
        if (taken < n)
            break;
    }
    if (done > 0)
        return (int64_t)done;
    return cursor->faulted ? -EFAULT : rc;
}

static void give_back(struct sri_disk *disk, void *page, uint32_t height)
{
    if (page == NULL)
        return;
    for (size_t i = 0; height > 0 && i < BRANCHES; i++)
        give_back(disk, ((void **)page)[i], height - 1);
    if (height == 0)
        disk->used_pages--;
    sri_stock_give(&disk->pages, page);
}

void sri_content_clear(struct sri_disk *disk, struct sri_content *content)
{
    give_back(disk, content->root, content->height);
    memset(content, 0, sizeof *content);
}
