/*
 * Files' bytes: a tree of pages for each file, 512 branches at each level, grown upwards. Pages that were never written
 * read as zeros and take no room. A block that is on the disk is never changed in place: whoever writes takes a copy.
 */
#include "world/disk.h"

#include <errno.h>
#include <string.h>

#define BRANCH_BITS 9
#define BRANCHES (1u << BRANCH_BITS)
#define PAGE_BITS 12

uint8_t sri_page_unwritten[SRI_PAGE_SIZE];

void sri_disk_init(struct sri_disk *disk)
{
    memset(disk, 0, sizeof *disk);
    sri_stock_init(&disk->blocks, SRI_PAGE_SIZE, 16);
    sri_stock_init(&disk->pages, sizeof(struct sri_page), 64);
}

void sri_disk_reset(struct sri_disk *disk, uint64_t limit_bytes)
{
    sri_stock_reset(&disk->blocks);
    sri_stock_reset(&disk->pages);
    disk->used_pages = 0;
    disk->limit_pages = limit_bytes / SRI_PAGE_SIZE;
}

void sri_disk_fini(struct sri_disk *disk)
{
    sri_stock_fini(&disk->blocks, NULL);
    sri_stock_fini(&disk->pages, NULL);
}

uint32_t sri_disk_ask(const struct sri_disk *disk, enum sri_disk_question question, uint32_t n)
{
    return disk->ask == NULL ? 0 : disk->ask(disk->self, question, n);
}

void sri_content_init(struct sri_content *content)
{
    memset(content, 0, sizeof *content);
    sri_list_init(&content->dirty);
    sri_list_init(&content->given_up);
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

static inline struct sri_page *find(const struct sri_content *content, uint64_t number)
{
    if (content->root == NULL || !reaches(content->height, number))
        return NULL;
    void *at = content->root;
    for (uint32_t level = content->height; level > 0 && at != NULL; level--)
        at = ((void **)at)[branch(number, level - 1)];
    return at;
}

struct sri_page *sri_page_find(const struct sri_content *content, uint64_t number)
{
    return find(content, number);
}

/* The lowest page from `first` on below a place that begins with the number `begin`. */
static struct sri_page *next_below(void *at, uint32_t level, uint64_t begin, uint64_t first)
{
    if (at == NULL || level == 0)
        return at;
    uint32_t bits = (level - 1) * BRANCH_BITS;
    size_t from = first > begin ? (size_t)((first - begin) >> bits) : 0;
    for (size_t i = from; i < BRANCHES; i++) {
        uint64_t here = begin + ((uint64_t)i << bits);
        struct sri_page *page = next_below(((void **)at)[i], level - 1, here, first);
        if (page != NULL)
            return page;
    }
    return NULL;
}

struct sri_page *sri_page_next(const struct sri_content *content, uint64_t first, uint64_t last)
{
    if (!reaches(content->height, first))
        return NULL;
    struct sri_page *page = next_below(content->root, content->height, 0, first);
    return page != NULL && page->number >= first && page->number <= last ? page : NULL;
}

static void *new_block(struct sri_disk *disk)
{
    void *block = sri_stock_take(&disk->blocks);
    if (block != NULL)
        memset(block, 0, SRI_PAGE_SIZE);
    return block;
}

static int grow_up(struct sri_disk *disk, struct sri_content *content, uint64_t page)
{
    while (!reaches(content->height, page)) {
        if (content->root != NULL) {
            void **above = new_block(disk);
            if (above == NULL)
                return -ENOMEM;
            above[0] = content->root;
            content->root = above;
        }
        content->height++;
    }
    return 0;
}

static struct sri_page *new_page(struct sri_disk *disk, uint64_t number)
{
    struct sri_page *page = sri_stock_take(&disk->pages);
    if (page == NULL)
        return NULL;
    page->now = NULL;
    page->disk = NULL;
    page->number = number;
    page->summed = false;
    sri_list_init(&page->dirty);
    return page;
}

int sri_page_obtain(struct sri_disk *disk, struct sri_content *content, uint64_t number,
                    struct sri_page **found)
{
    *found = sri_page_find(content, number);
    if (*found != NULL)
        return 0;
    int rc = grow_up(disk, content, number);
    if (rc != 0)
        return rc;
    void **at = &content->root;
    for (uint32_t level = content->height; level > 0; level--) {
        if (*at == NULL && (*at = new_block(disk)) == NULL)
            return -ENOMEM;
        at = &((void **)*at)[branch(number, level - 1)];
    }
    *at = *found = new_page(disk, number);
    return *at == NULL ? -ENOMEM : 0;
}

static void give_block(struct sri_disk *disk, uint8_t *block)
{
    if (block != NULL && block != sri_page_unwritten)
        sri_stock_give(&disk->blocks, block);
}

static void set_now(struct sri_disk *disk, struct sri_content *content, struct sri_page *page, uint8_t *now)
{
    int change = (now != NULL) - (page->now != NULL);
    disk->used_pages = (uint64_t)((int64_t)disk->used_pages + change);
    content->page_count = (uint64_t)((int64_t)content->page_count + change);
    page->now = now;
    page->summed = false;
    sri_list_remove(&page->dirty);
    sri_list_init(&page->dirty);
    if (now != page->disk)
        sri_list_append(&content->dirty, &page->dirty);
}

void sri_page_replace(struct sri_disk *disk, struct sri_content *content, struct sri_page *page, uint8_t *now)
{
    uint8_t *before = page->now;
    set_now(disk, content, page, now);
    if (before != page->disk && before != now)
        give_block(disk, before);
}

void sri_page_sync(struct sri_disk *disk, struct sri_page *page)
{
    if (page->now == page->disk)
        return;
    give_block(disk, page->disk);
    page->disk = page->now;
    sri_list_remove(&page->dirty);
    sri_list_init(&page->dirty);
}

static bool is_own(const struct sri_page *page)
{
    return page->now != NULL && page->now != sri_page_unwritten && page->now != page->disk;
}

/* What is dirty may have been written back at any time before it is changed again; the size with it. */
static void ask_written_back(struct sri_disk *disk, struct sri_content *content, struct sri_page *page)
{
    if (sri_disk_ask(disk, SRI_DISK_WRITTEN_BACK, 2) == 0)
        return;
    sri_page_sync(disk, page);
    uint64_t end = (page->number + 1) << PAGE_BITS;
    if (end > content->size)
        end = content->size;
    if (content->disk_size < end)
        content->disk_size = end;
}

int sri_page_open(struct sri_disk *disk, struct sri_content *content, struct sri_page *page)
{
    if (page->now != page->disk)
        ask_written_back(disk, content, page);
    if (is_own(page)) {
        page->summed = false;
        sri_list_remove(&page->dirty);
        sri_list_append(&content->dirty, &page->dirty);
        return 0;
    }
    if (page->now == NULL && disk->used_pages >= disk->limit_pages)
        return -ENOSPC;
    uint8_t *block = new_block(disk);
    if (block == NULL)
        return -ENOMEM;
    if (page->now != NULL && page->now != sri_page_unwritten)
        memcpy(block, page->now, SRI_PAGE_SIZE);
    sri_page_replace(disk, content, page, block);
    return 0;
}

static size_t rest_of_page(uint64_t offset, uint64_t left)
{
    size_t rest = SRI_PAGE_SIZE - (size_t)(offset & (SRI_PAGE_SIZE - 1));
    return left < rest ? (size_t)left : rest;
}

static const uint8_t *bytes_of(const struct sri_page *page)
{
    return page == NULL || page->now == NULL ? sri_page_unwritten : page->now;
}

int64_t sri_content_read(const struct sri_content *content, uint64_t offset, struct sri_cursor *cursor)
{
    uint64_t end = content->size;
    uint64_t done = 0;
    while (offset < end && cursor->left > 0) {
        size_t n = rest_of_page(offset, end - offset);
        const uint8_t *bytes = bytes_of(sri_page_find(content, offset >> PAGE_BITS));
        size_t given = sri_cursor_give(cursor, bytes + (offset & (SRI_PAGE_SIZE - 1)), n);
        done += given;
        offset += given;
        if (given < n)
            break;
    }
    return done == 0 && cursor->faulted ? -EFAULT : (int64_t)done;
}

/* Of a page read whole. Its sum is kept until it is changed, since it is read more often than written. */
static void tell_sum(struct sri_user *user, struct sri_page *page, const void *to)
{
    if (!page->summed) {
        page->sum = sri_user_sum(page->now, SRI_PAGE_SIZE, 0);
        page->summed = true;
    }
    user->known.to = to;
    user->known.length = SRI_PAGE_SIZE;
    user->known.sum = page->sum;
}

int64_t sri_content_read_to(const struct sri_content *content, uint64_t offset, struct sri_user *user,
                            void *to, uint64_t length)
{
    if (offset >= content->size)
        return 0;
    if (length > content->size - offset)
        length = content->size - offset;
    struct sri_page *page = NULL;
    size_t n;
    for (uint64_t done = 0; done < length; done += n) {
        size_t begin = (size_t)((offset + done) & (SRI_PAGE_SIZE - 1));
        n = rest_of_page(begin, length - done);
        page = find(content, (offset + done) >> PAGE_BITS);
        /* The program's address, which may be anything. */
        void *at = (void *)((uintptr_t)to + done);
        if (sri_user_copy_out(user, at, bytes_of(page) + begin, n) != 0)
            return done == 0 ? -EFAULT : (int64_t)done;
    }
    if (user->known.wanted && length == SRI_PAGE_SIZE && n == SRI_PAGE_SIZE && page != NULL &&
        page->now != NULL)
        tell_sum(user, page, to);
    return (int64_t)length;
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
        struct sri_page *page;
        if ((rc = sri_page_obtain(disk, content, offset >> PAGE_BITS, &page)) != 0 ||
            (rc = sri_page_open(disk, content, page)) != 0)
            break;
        size_t taken = sri_cursor_take(cursor, page->now + (offset & (SRI_PAGE_SIZE - 1)), n);
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

static void end_page(struct sri_disk *disk, struct sri_page *page, bool counted)
{
    if (counted && page->now != NULL)
        disk->used_pages--;
    if (page->now != page->disk)
        give_block(disk, page->now);
    give_block(disk, page->disk);
    sri_stock_give(&disk->pages, page);
}

static void give_back(struct sri_disk *disk, void *at, uint32_t height, bool counted)
{
    if (at == NULL)
        return;
    if (height == 0) {
        end_page(disk, at, counted);
        return;
    }
    for (size_t i = 0; i < BRANCHES; i++)
        give_back(disk, ((void **)at)[i], height - 1, counted);
    sri_stock_give(&disk->blocks, at);
}

void sri_content_fini(struct sri_disk *disk, struct sri_content *content, bool counted)
{
    give_back(disk, content->root, content->height, counted);
    sri_content_init(content);
}
