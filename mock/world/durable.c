/*
 * What of a file is on the disk: syncing it, and what a loss of power leaves. The disk writes sectors whole; which of
 * those that were not synced reached it, and in what order, is anybody's guess.
 */
#include <string.h>

#include "world/disk.h"

void sri_content_sync(struct sri_disk *disk, struct sri_content *content, uint64_t begin, uint64_t end)
{
    struct sri_node *node = content->dirty.next;
    while (node != &content->dirty) {
        struct sri_page *page = SRI_CONTAINER_OF(node, struct sri_page, dirty);
        uint64_t at = page->number * SRI_PAGE_SIZE;
        node = node->next;
        if (at < end && at + SRI_PAGE_SIZE > begin)
            sri_page_sync(disk, page);
    }
    content->disk_size = content->size;
}

void sri_content_give_up(struct sri_content *content)
{
    while (!sri_list_empty(&content->dirty)) {
        struct sri_node *node = content->dirty.next;
        sri_list_remove(node);
        sri_list_append(&content->given_up, node);
    }
}

static const uint8_t *bytes_of(const uint8_t *block)
{
    return block == NULL ? sri_page_unwritten : block;
}

/* Some sectors are new, some old; the bytes go where the new ones are, which are nobody else's. */
static void tear(struct sri_disk *disk, struct sri_page *page)
{
    const uint8_t *old = bytes_of(page->disk);
    page->summed = false;
    for (size_t at = 0; at < SRI_PAGE_SIZE; at += SRI_SECTOR_SIZE)
        if (sri_disk_ask(disk, SRI_DISK_SECTOR, 2) != 0)
            memcpy(page->now + at, old + at, SRI_SECTOR_SIZE);
}

static bool has_bytes(const struct sri_page *page)
{
    return page->now != NULL && page->now != sri_page_unwritten;
}

static void lose_page(struct sri_disk *disk, struct sri_content *content, struct sri_page *page)
{
    switch (sri_disk_ask(disk, SRI_DISK_REMAINS, has_bytes(page) ? 3 : 2)) {
    case 1: sri_page_replace(disk, content, page, page->disk); return;
    case 2: tear(disk, page); break;
    default: break;
    }
    sri_page_sync(disk, page);
}

/* A size that was not synced is the new one, the old one, or what it was on the way. */
static void lose_size(struct sri_disk *disk, struct sri_content *content)
{
    uint64_t old = content->disk_size;
    uint64_t new = content->size;
    if (old == new)
        return;
    switch (sri_disk_ask(disk, SRI_DISK_REMAINS, 3)) {
    case 1: content->size = old; break;
    case 2: content->size = old / 2 + new / 2; break;
    default: break;
    }
}

void sri_content_lose(struct sri_disk *disk, struct sri_content *content)
{
    lose_size(disk, content);
    while (!sri_list_empty(&content->given_up))
        lose_page(disk, content, SRI_CONTAINER_OF(content->given_up.next, struct sri_page, dirty));
    while (!sri_list_empty(&content->dirty))
        lose_page(disk, content, SRI_CONTAINER_OF(content->dirty.next, struct sri_page, dirty));
    uint64_t size = content->size;
    content->size = UINT64_MAX;
    uint32_t (*ask)(void *, enum sri_disk_question, uint32_t) = disk->ask;
    disk->ask = NULL;
    (void)sri_content_truncate(disk, content, size);
    disk->ask = ask;
    sri_content_sync(disk, content, 0, UINT64_MAX);
}
