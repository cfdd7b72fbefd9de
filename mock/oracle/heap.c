/*
 * The campaign's allocator. Power-of-two classes carved from mapped pages; a fixed number of released blocks is kept
 * apart before it is used again. Never calls the library.
 */
#include "oracle/heap.h"

#include <string.h>
#include <sys/mman.h>

#define SMALLEST 128u
#define CHUNK (4u << 20)
#define PAGE 4096u
#define NEW_BYTE 0xA5
#define PATTERN_MAX 65536u /* of larger blocks only so much is filled and looked at */

static size_t class_size(uint32_t index)
{
    return (size_t)SMALLEST << index;
}

static uint32_t class_of(size_t total)
{
    uint32_t index = 0;
    while (index < SRI_HEAP_CLASSES && class_size(index) < total)
        index++;
    return index;
}

static void *map_pages(struct sri_heap *heap, size_t length)
{
    void *pages = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return NULL;
    heap->mapped_bytes += length;
    return pages;
}

/* Fresh memory of a class, aligned to its size or to a page. */
static struct sri_block *carve(struct sri_heap *heap, uint32_t index)
{
    size_t size = class_size(index);
    if (size > CHUNK / 4)
        return map_pages(heap, size);
    size_t alignment = size < PAGE ? size : PAGE;
    size_t skip = (alignment - ((uintptr_t)heap->chunk & (alignment - 1))) & (alignment - 1);
    if (heap->chunk == NULL || heap->chunk_left < size + skip) {
        heap->chunk = map_pages(heap, CHUNK);
        heap->chunk_left = heap->chunk == NULL ? 0 : CHUNK;
        skip = 0;
        if (heap->chunk == NULL)
            return NULL;
    }
    uint8_t *memory = heap->chunk + skip;
    heap->chunk += skip + size;
    heap->chunk_left -= skip + size;
    return (struct sri_block *)(void *)memory;
}

static struct sri_block *take_block(struct sri_heap *heap, size_t total)
{
    uint32_t index = class_of(total);
    if (index == SRI_HEAP_CLASSES)
        return map_pages(heap, total);
    if (sri_list_empty(&heap->spare[index]))
        return carve(heap, index);
    struct sri_node *node = heap->spare[index].next;
    sri_list_remove(node);
    return SRI_CONTAINER_OF(node, struct sri_block, node);
}

static bool refused(struct sri_heap *heap)
{
    if (heap->kernel_depth > 0)
        return false;
    heap->asked++;
    bool first = heap->fail_in > 0 && --heap->fail_in == 0;
    bool again = heap->fail_on && heap->failed > 0 && heap->failed < SRI_STICKS;
    heap->failed += first || again ? 1 : 0;
    return first || again;
}

/* Just before the bytes: the block they belong to. */
static struct sri_block **back_pointer(void *bytes)
{
    return (struct sri_block **)bytes - 1;
}

static void *allocate(void *self, size_t size, size_t alignment)
{
    struct sri_heap *heap = self;
    size_t offset =
        (sizeof(struct sri_block) + sizeof(struct sri_block *) + alignment - 1) & ~(alignment - 1);
    if (size > SIZE_MAX / 2)
        return NULL;
    pthread_mutex_lock(&heap->lock);
    struct sri_block *block = refused(heap) ? NULL : take_block(heap, size + offset);
    if (block != NULL) {
        block->total = size + offset;
        block->size = size;
        block->serial = ++heap->serial;
        block->bytes = (uint8_t *)block + offset;
        block->purpose = heap->kernel_depth > 0 ? SRI_PURPOSE_KERNEL : heap->purpose;
        block->class_index = class_of(size + offset);
        block->live = true;
        *back_pointer(block->bytes) = block;
        sri_list_append(&heap->live, &block->node);
        heap->live_bytes += size;
        if (size <= PAGE)
            memset(block->bytes, NEW_BYTE, size);
    }
    pthread_mutex_unlock(&heap->lock);
    return block == NULL ? NULL : block->bytes;
}

static size_t pattern_length(const struct sri_block *block)
{
    return block->size < PATTERN_MAX ? block->size : PATTERN_MAX;
}

static bool stained(const struct sri_block *block)
{
    size_t length = pattern_length(block);
    return length > 0 &&
           (block->bytes[0] != SRI_FREED_BYTE || memcmp(block->bytes, block->bytes + 1, length - 1) != 0);
}

/* Out of quarantine: back to its class, or to the system. */
static void let_go(struct sri_heap *heap, struct sri_block *block)
{
    if (stained(block))
        heap->stained++;
    if (block->class_index == SRI_HEAP_CLASSES) {
        heap->mapped_bytes -= block->total;
        munmap(block, block->total);
        return;
    }
    sri_list_append(&heap->spare[block->class_index], &block->node);
}

static void release(void *self, void *memory, size_t size)
{
    (void)size;
    struct sri_heap *heap = self;
    struct sri_block *block = *back_pointer(memory);
    pthread_mutex_lock(&heap->lock);
    if (heap->on_release != NULL && block->purpose != SRI_PURPOSE_KERNEL)
        heap->on_release(heap->on_release_user, block);
    if (!block->live) {
        pthread_mutex_unlock(&heap->lock);
        return;
    }
    sri_list_remove(&block->node);
    heap->live_bytes -= block->size;
    block->live = false;
    memset(block->bytes, SRI_FREED_BYTE, pattern_length(block));
    struct sri_block **place = &heap->quarantine[heap->quarantine_at++ % SRI_HEAP_QUARANTINE];
    struct sri_block *oldest = *place;
    *place = block;
    if (oldest != NULL)
        let_go(heap, oldest);
    pthread_mutex_unlock(&heap->lock);
}

void sri_heap_init(struct sri_heap *heap)
{
    memset(heap, 0, sizeof *heap);
    pthread_mutex_init(&heap->lock, NULL);
    sri_list_init(&heap->live);
    for (uint32_t i = 0; i < SRI_HEAP_CLASSES; i++)
        sri_list_init(&heap->spare[i]);
}

struct sr_allocator sri_heap_allocator(struct sri_heap *heap)
{
    return (struct sr_allocator){allocate, release, heap};
}

static bool holds(const struct sri_block *block, const void *address, size_t length)
{
    const uint8_t *begin = address;
    return begin < block->bytes + block->size && block->bytes < begin + length;
}

struct sri_block *sri_heap_find(struct sri_heap *heap, const void *address, uint64_t after)
{
    for (struct sri_node *node = heap->live.previous; node != &heap->live; node = node->previous) {
        struct sri_block *block = SRI_CONTAINER_OF(node, struct sri_block, node);
        if (block->serial <= after)
            return NULL;
        if (holds(block, address, 1))
            return block;
    }
    return NULL;
}

const struct sri_block *sri_heap_freed(struct sri_heap *heap, const void *address, size_t length)
{
    for (uint32_t i = 0; i < SRI_HEAP_QUARANTINE; i++) {
        const struct sri_block *block = heap->quarantine[i];
        if (block != NULL && holds(block, address, length))
            return block;
    }
    return NULL;
}

uint64_t sri_heap_owed(struct sri_heap *heap, enum sri_purpose purpose, uint64_t after, uint64_t *bytes)
{
    uint64_t count = 0;
    *bytes = 0;
    for (struct sri_node *node = heap->live.previous; node != &heap->live; node = node->previous) {
        const struct sri_block *block = SRI_CONTAINER_OF(node, struct sri_block, node);
        if (block->serial <= after)
            break;
        if (block->purpose != purpose)
            continue;
        count++;
        *bytes += block->size;
    }
    return count;
}

uint64_t sri_heap_take_stains(struct sri_heap *heap, uint64_t after)
{
    for (uint32_t i = 0; i < SRI_HEAP_QUARANTINE; i++) {
        const struct sri_block *block = heap->quarantine[i];
        if (block == NULL || block->serial <= after || !stained(block))
            continue;
        heap->stained++;
        memset(block->bytes, SRI_FREED_BYTE, pattern_length(block));
    }
    uint64_t count = heap->stained;
    heap->stained = 0;
    return count;
}
