/*
 * What epoll hands back with an event: a file's slot and generation, or one of the world's own descriptors.
 */
#ifndef SRI_HOST_TAGS_H
#define SRI_HOST_TAGS_H

#include <stdint.h>

#define SRI_HOST_TAG_ALARM UINT64_MAX
#define SRI_HOST_TAG_TIMER (UINT64_MAX - 1)

static inline uint64_t sri_host_tag(uint32_t index, uint32_t generation)
{
    return (uint64_t)index << 32 | generation; /* slots never reach 2^32 - 1 */
}

static inline uint32_t sri_host_tag_index(uint64_t tag)
{
    return (uint32_t)(tag >> 32);
}

static inline uint32_t sri_host_tag_generation(uint64_t tag)
{
    return (uint32_t)tag;
}

#endif
